/**
 * A flush means something: it reaches fdatasync of the image, and when that fails, whoever asked is told. A server that
 * answers a flush without doing it is found out only by a power cut.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { mounted } from '../support/devices.js'
import { attempt, run, start, until } from '../support/process.js'
import { attach, counter, serve, sparseImage } from '../support/ringvol.js'
import { freshPath } from '../support/scratch.js'
import { onEachCarrier, onTransportsInTurn, suite } from '../support/suite.js'

const size = 64 << 20
/** What the kernel rightly logs when the flush of a block device fails. */
const flushFailed = [
  /I\/O error, dev loop\d+,.*(FLUSH|WRITE)/i,
  /Buffer I\/O error on dev loop/i,
  /lost async page write/i,
]

await suite(t, { needs: ['command:strace', 'command:xfs_io'], expectedLog: flushFailed }, () => {
  onTransportsInTurn(t, 2, 'sync of a file system reaches the image', async (t, transport) => {
    const attached = await attach(sparseImage(size), ['--transport', transport])
    const { device, status } = attached
    await run('mkfs.ext4', ['-q', device])
    await mounted(device, async (mountpoint) => {
      const before = await counter(status.name, 'syncs')
      mkdirSync(`${mountpoint}/something`)
      await run('sync', ['-f', mountpoint])
      t.ok((await counter(status.name, 'syncs')) > before, 'the daemon counted it')
      t.equal(await counter(status.name, 'syncErrors'), 0)
    })
    await attached.detach()
  })

  onTransportsInTurn(
    t,
    2,
    'fsync of the FUSE file and of the loop device are one fdatasync each',
    async (t, transport) => {
      const attached = await attach(sparseImage(size), ['--transport', transport])
      for (const path of [attached.device, attached.status.volume]) {
        // A flush of a disk with nothing to flush is skipped by the block layer, so each is after a write.
        const before = await counter(attached.status.name, 'syncs')
        await run('xfs_io', ['-c', 'pwrite -q 0 4k', '-c', 'fsync', '-c', 'pwrite -q 0 4k', '-c', 'fsync', path])
        const syncs = (await counter(attached.status.name, 'syncs')) - before
        t.ok(syncs >= 2, `${path}: two for two, ${String(syncs)} counted`)
      }
      await attached.detach()
    },
  )

  t.test('the daemon calls fdatasync on the image, as strace sees it', async (t) => {
    // The other transports sync through the ring, which no tracer of system calls can see.
    const image = sparseImage(size)
    const served = await serve(image, ['--transport', 'syscall'])
    const trace = freshPath('trace')
    const strace = start('strace', ['-f', '-y', '-e', 'trace=fdatasync', '-o', trace, '-p', String(served.daemon.pid)])
    await until('strace is attached', () => strace.stderr().includes('attached'))
    await run('xfs_io', ['-c', 'pwrite -q 0 4k', '-c', 'fsync', served.volume])
    strace.child.kill('SIGINT')
    await strace.ended()
    t.match(readFileSync(trace, 'utf8'), new RegExp(`fdatasync\\(\\d+<${image}>\\)`))
    t.match(await served.stop(), { code: 0 })
  })

  onEachCarrier(t, 'a flush that fails below fails for the caller, and the daemon goes on', async (t, transport) => {
    const trigger = freshPath('trigger')
    const layer = `error:op=flush,errno=EIO,while=${trigger}`
    const attached = await attach(sparseImage(size), ['--transport', transport, '--layer', layer])
    const { device, status } = attached
    const writeAndSync = (path: string): Promise<{ code: number; stdout: string; stderr: string }> =>
      attempt('xfs_io', ['-c', 'pwrite -q 0 4k', '-c', 'fsync', path])

    writeFileSync(trigger, '')
    for (const path of [device, status.volume]) {
      const { code, stdout, stderr } = await writeAndSync(path)
      t.match(`${stdout}${stderr}`, /fsync: Input\/output error/, `${path} (status ${String(code)})`)
    }
    rmSync(trigger)
    for (const path of [device, status.volume]) {
      t.notMatch((await writeAndSync(path)).stderr, /error/, `${path} works again`)
    }
    await attached.detach()
  })
})
