/**
 * Nothing leaks: not over many volumes one after the other, not over many at once, not inside one daemon that lives on.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { possibleCpus } from '../../src/transport/capabilities.js'
import { detachLoop } from '../support/devices.js'
import { run } from '../support/process.js'
import { requires } from '../support/requires.js'
import {
  attach,
  attachOnly,
  type AttachedDevice,
  list,
  ringvolOk,
  serve,
  sparseImage,
  usableTransports,
} from '../support/ringvol.js'
import { runDirectory } from '../support/scratch.js'
import { onTransportsInTurn, suite } from '../support/suite.js'
import { leftovers } from '../support/sweep.js'

/** RINGVOL_TEST_ROUNDS=20 for a quick look. */
const rounds = Number(process.env['RINGVOL_TEST_ROUNDS'] ?? 24)

const inProcess = (pid: number): { descriptors: number; threads: number; kilobytes: number } => ({
  descriptors: readdirSync(`/proc/${String(pid)}/fd`).length,
  threads: readdirSync(`/proc/${String(pid)}/task`).length,
  kilobytes: Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1]),
})

/** Seconds of CPU, all threads together. Column 2 of stat, the name, has no blanks here. */
const cpuSeconds = (pid: number): number => {
  const columns = readFileSync(`/proc/${String(pid)}/stat`, 'utf8').split(' ')
  return (Number(columns[13]) + Number(columns[14])) / 100 // USER_HZ, the same on all of Linux
}

await suite(t, { needs: ['command:xfs_io'] }, () => {
  t.test(`${String(rounds)} volumes attached and detached, four at a time, leave nothing`, async (t) => {
    const usable = usableTransports()
    const oneAfterTheOther = async (lane: number): Promise<void> => {
      const image = sparseImage(16 << 20)
      const transport = usable[lane % usable.length] ?? 'syscall'
      for (let round = 1; round <= rounds / 4; round++) {
        // What attach() adds, the question which transport ran, is asked once; it would cost a process each time.
        const attached = await (round === 1 ? attach : attachOnly)(image, ['--transport', transport])
        await run('xfs_io', ['-c', `pwrite -q -S ${String(round)} 0 4k`, '-c', 'fsync', attached.device])
        await attached.detach()
        if (readFileSync(image)[0] !== round)
          t.fail(`round ${String(round)} on ${transport}: its write is not in the image`)
      }
    }
    await Promise.all([0, 1, 2, 3].map(oneAfterTheOther))
    t.strictSame(leftovers(), [])
    t.strictSame(readdirSync(runDirectory), [], 'the run directory is empty')
  })

  t.test('20 volumes at once keep apart what was written to each, and go together', async (t) => {
    const images = Array.from({ length: 20 }, () => sparseImage(16 << 20))
    const attached: AttachedDevice[] = []
    for (let first = 0; first < images.length; first += 5) {
      // Five at a time also race for the same free loop device.
      const some = images.slice(first, first + 5)
      attached.push(
        ...(await Promise.all(
          some.map((image, index) => attachOnly(image, ['--name', `many-${String(first + index)}`])),
        )),
      )
    }
    t.equal(new Set(attached.map(({ device }) => device)).size, 20)
    t.equal((await list()).length, 20)
    await Promise.all(
      attached.map(({ device }, index) =>
        run('xfs_io', ['-c', `pwrite -q -S ${String(index + 1)} 0 1m`, '-c', 'fsync', device]),
      ),
    )
    await ringvolOk(['detach', '--all'], { deadline: 120_000 })
    t.strictSame(await list(), [])
    t.strictSame(leftovers(), [])
    for (const [index, image] of images.entries()) {
      t.ok(
        readFileSync(image)
          .subarray(0, 1 << 20)
          .every((byte) => byte === index + 1),
        `image ${String(index)}`,
      )
    }
  })

  onTransportsInTurn(
    t,
    2,
    'a daemon that loop devices come to and leave keeps its descriptors, threads and memory',
    async (t, transport) => {
      const served = await serve(sparseImage(16 << 20), ['--transport', transport])
      const { pid } = served.status
      const visit = async (times: number): Promise<void> => {
        for (let time = 0; time < times; time++) {
          const device = await run('losetup', ['--direct-io=on', '--find', '--show', served.volume])
          await run('dd', ['if=/dev/zero', `of=${device}`, 'bs=1M', 'count=4', 'oflag=direct', 'status=none'])
          await detachLoop(device)
        }
      }
      await visit(20)
      const before = inProcess(pid)
      await visit(60)
      const after = inProcess(pid)
      t.ok(
        after.descriptors <= before.descriptors,
        `${String(before.descriptors)} then ${String(after.descriptors)} descriptors`,
      )
      t.ok(after.threads <= before.threads, `${String(before.threads)} then ${String(after.threads)} threads`)
      // A megabyte a visit would be one request's buffer lost each time; the collector's breathing is far below.
      t.ok(
        after.kilobytes - before.kilobytes < 30 << 10,
        `${String(before.kilobytes)} then ${String(after.kilobytes)} KiB`,
      )
      t.match(await served.stop(), { code: 0 })
      t.notOk(readdirSync(join(runDirectory)).length > 0, 'the run directory is empty')
    },
  )

  const leftAlone = async (t: Test, options: readonly string[]): Promise<void> => {
    const served = await serve(sparseImage(16 << 20), options)
    const device = await run('losetup', ['--direct-io=on', '--find', '--show', served.volume])
    // One request at a time: after these a lane polls for a moment before it sleeps, or sleeps in its ring for a tick.
    await run('dd', [`if=${device}`, 'of=/dev/null', 'bs=4k', 'count=4000', 'iflag=direct', 'status=none'])
    const before = cpuSeconds(served.status.pid)
    await sleep(2000)
    const used = cpuSeconds(served.status.pid) - before
    t.ok(used < 0.3, `${String(used)} s of CPU in 2 s`)
    await detachLoop(device)
    t.match(await served.stop(), { code: 0 })
  }
  onTransportsInTurn(t, 2, 'a daemon that was busy and is left alone costs no CPU', (t, transport) =>
    leftAlone(t, ['--transport', transport]),
  )
  t.test('nor does one with a lane for each CPU', { skip: requires('uring', 'every CPU') }, (t) =>
    leftAlone(t, ['--transport', 'uring', '--lanes', String(possibleCpus())]),
  )
})
