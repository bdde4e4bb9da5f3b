/**
 * A kill of the daemon, judged by another program: fio writes, stops, saves which of its writes were answered, kills
 * the daemon, and reads exactly those back from the image exported again. Independent of our own ledger, with which
 * test/fault/kill.ts kills in the middle of writes.
 *
 * Every block is written once, at random places, so nothing that was answered is replaced later. The rate is bounded so
 * that the kill, which fio does not do before a whole second, comes before the last block.
 */
import { closeSync, existsSync, openSync, writeSync } from 'node:fs'
import t from 'tap'
import { diskGone } from '../support/kernel-log.js'
import { attempt, run, until, type Result } from '../support/process.js'
import { attach, lacksTransport, ringvolOk, sparseImage, transports } from '../support/ringvol.js'
import { freshDirectory } from '../support/scratch.js'
import { seeded } from '../support/seed.js'
import { suite } from '../support/suite.js'

const size = 64 << 20
const blocks = size / 4096
const usable = transports.filter((transport) => lacksTransport(transport) === false)

/** Saved state, and messages, go where fio runs; --aux-path keeps both in the scratch directory. */
const job = (path: string, seed: number, auxiliary: string): string[] => [
  '--name=trigger',
  `--filename=${path}`,
  `--aux-path=${auxiliary}`,
  `--randseed=${String(seed)}`,
  ...'--rw=randwrite --bs=4k --ioengine=libaio --iodepth=16 --direct=1 --allow_file_create=0'.split(' '),
  ...'--verify=crc32c --verify_fatal=1'.split(' '),
]

await suite(t, { needs: ['command:fio'], expectedLog: diskGone }, () => {
  const { seed } = seeded(t)
  for (const [index, where] of (['the FUSE file', 'the loop device'] as const).entries()) {
    const transport = usable[(seed + index) % usable.length] ?? 'syscall'
    t.test(`${where}, ${transport}: fio finds every write that was answered before its kill`, async (t) => {
      const image = sparseImage(size)
      const auxiliary = freshDirectory('fio')
      const first = await attach(image, ['--transport', transport])
      const pathOf = ({ device, status }: typeof first): string => (index === 0 ? status.volume : device)
      const kill = ['--trigger-timeout=1', `--trigger=kill -9 ${String(first.status.pid)}`]
      await run('fio', [...job(pathOf(first), seed, auxiliary), '--rate_iops=4000', ...kill])
      await until('the daemon is gone', () => !existsSync(`/proc/${String(first.status.pid)}`))
      await ringvolOk(['detach', '--all'], { deadline: 60_000 })

      const verify = (path: string): Promise<Result> =>
        attempt('fio', [...job(path, seed, auxiliary), '--verify_only', '--verify_state_load=1'])
      const second = await attach(image, ['--transport', transport])
      const { code, stdout, stderr } = await verify(pathOf(second))
      t.equal(code, 0, stderr)
      const checked = Number(/issued rwts: total=(\d+)/.exec(stdout)?.[1])
      t.ok(checked > 500 && checked < blocks, `${String(checked)} blocks of ${String(blocks)} were checked`)
      await second.detach()

      // Half of what was written, so that some of it was answered.
      const fd = openSync(image, 'r+')
      writeSync(fd, Buffer.alloc(size / 2))
      closeSync(fd)
      t.not((await verify(image)).code, 0, 'and it would have said so if some were lost')
    })
  }
})
