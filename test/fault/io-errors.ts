/**
 * Errors of what lies below the volume: a sector that cannot be written, a disk that fails for a while, a file system
 * that is full, a device that goes away. The errno reaches the request that met it, nothing else fails, and the daemon
 * lives on.
 */
import { existsSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { detachLoop } from '../support/devices.js'
import { recordDevice } from '../support/journal.js'
import { attempt, run, start, until } from '../support/process.js'
import { carriers, counter, serve, sparseImage } from '../support/ringvol.js'
import { requires } from '../support/requires.js'
import { freshDirectory, freshPath } from '../support/scratch.js'
import { seeded } from '../support/seed.js'
import { onTransportsInTurn, suite } from '../support/suite.js'
import { failingDisk } from '../torture/io-errors.js'

const MiB = 1 << 20
const deviceFailed = [/I\/O error, dev loop\d+/i, /Buffer I\/O error on dev loop/i]

/** One O_DIRECT write or read of 4 KiB; resolves to what xfs_io says against it. */
const io = async (path: string, command: string): Promise<string> => {
  const { stdout, stderr } = await attempt('xfs_io', ['-d', '-c', command, path])
  return /error|No space|failed|pwrite:|pread:/i.test(stdout + stderr) ? (stdout + stderr).trim() : ''
}

await suite(t, { needs: ['command:xfs_io'], expectedLog: deviceFailed }, () => {
  const random = seeded(t)

  onTransportsInTurn(
    t,
    2,
    'an error in a hundred requests reaches its caller and nobody else',
    async (t, transport) => {
      const { requests, errors } = await failingDisk(transport, random, 2500, 0.05)
      t.ok(errors > requests / 100, `${String(errors)} of ${String(requests)} requests failed`)
    },
  )

  onTransportsInTurn(t, 1, 'a sector that cannot be written fails alone', async (t, transport) => {
    const [carrier = 'syscall'] = carriers
    const layer = `error:op=write,offset=${String(MiB)},length=512`
    const below = await serve(sparseImage(4 * MiB), ['--transport', carrier, '--layer', layer])
    const above = await serve(below.volume, ['--transport', transport, '--name', 'above'])
    t.match(await io(above.volume, 'pwrite -q 1m 512'), /Input\/output error/)
    t.equal(await io(above.volume, 'pwrite -q 1048064 512'), '', 'the sector before it')
    t.equal(await io(above.volume, 'pwrite -q 1049088 512'), '', 'the sector after it')
    t.equal(await io(above.volume, 'pread -q 1m 512'), '', 'and it can be read')
    t.equal(await counter('above', 'fileErrors'), 1)
    t.match(await above.stop(), { code: 0 })
    t.match(await below.stop(), { code: 0 })
  })

  onTransportsInTurn(t, 1, 'a disk that has no space for a while fails for just that while', async (t, transport) => {
    const trigger = freshPath('trigger')
    const mountpoint = freshPath('nbd')
    writeFileSync(mountpoint, '')
    const filter = ['--filter=error', 'memory', '4M', 'error-pwrite=ENOSPC', 'error-pwrite-rate=100%']
    const nbdkit = ['nbdkit', '--exit-with-parent', ...filter, `error-pwrite-file=${trigger}`]
    const missing = requires('command:nbdkit', 'command:nbdfuse')
    if (missing !== false) {
      t.comment(`note ${missing}`)
      t.pass('not run')
      return
    }
    const below = start('nbdfuse', [mountpoint, '[', ...nbdkit, ']'])
    await until('nbdfuse serves', async () => (await attempt('stat', ['-c', '%s', mountpoint])).stdout === '4194304\n')
    const served = await serve(mountpoint, ['--transport', transport])
    t.equal(await io(served.volume, 'pwrite -q 0 4k'), '')
    writeFileSync(trigger, '')
    t.match(await io(served.volume, 'pwrite -q 0 4k'), /No space left/)
    t.equal(await io(served.volume, 'pread -q 0 4k'), '')
    rmSync(trigger)
    t.equal(await io(served.volume, 'pwrite -q 0 4k'), '', 'without a restart')
    t.match(await served.stop(), { code: 0 })
    await until('it is free', async () => (await attempt('umount', [mountpoint])).code === 0)
    await below.ended()
  })

  onTransportsInTurn(t, 2, 'a full file system fails what needs space, and only that', async (t, transport) => {
    const directory = freshDirectory('tmpfs')
    await run('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', directory])
    const served = await serve(join(directory, 'image'), ['--size', '64M', '--transport', transport])
    t.equal(await io(served.volume, 'pwrite -q -b 64k 0 1m'), '')
    const fill = [
      'if=/dev/urandom',
      `of=${served.volume}`,
      'bs=1M',
      'seek=8',
      'count=8',
      'oflag=direct',
      'conv=notrunc',
    ]
    t.match(await attempt('dd', fill), { code: 1, stderr: /No space left on device/ })
    t.equal(await io(served.volume, 'pwrite -q -S 7 0 1m'), '', 'what has its blocks is still written')
    t.equal(await io(served.volume, 'pread -q 0 64m'), '', 'and all of it read')
    t.match(await served.stop(), { code: 0 })
    // The kernel lets go of the files of an io_uring a moment after the process that had it ended.
    await until('the image is free', async () => (await attempt('umount', [directory])).code === 0)
  })

  t.test('a device that loses its end fails there, for as long as it is lost', async (t) => {
    const file = sparseImage(8 * MiB)
    await run('xfs_io', ['-c', 'pwrite -q -S 5 0 8m', '-c', 'fsync', file])
    const device = await run('losetup', ['--direct-io=on', '--find', '--show', file])
    recordDevice(device)
    const served = await serve(device, ['--direct'])
    truncateSync(file, 4 * MiB)
    t.match(await io(served.volume, 'pread -q 6m 4k'), /Input\/output error/)
    t.equal(await io(served.volume, 'pread -q 1m 4k'), '', 'what is there is read')
    t.equal(await io(served.volume, 'pwrite -q -S 6 1m 4k'), '', 'and written')
    truncateSync(file, 8 * MiB)
    t.equal(await io(served.volume, 'pread -q 6m 4k'), '', 'without a restart')
    t.match(await served.stop(), { code: 0 })
    await detachLoop(device)
  })

  const control = '/sys/class/zram-control'
  const noZram = existsSync(control) ? false : 'this kernel has no zram'
  t.test('a device that cannot store any more passes its error on', { skip: noZram }, async (t) => {
    const number = await run('cat', [`${control}/hot_add`])
    const device = `/dev/zram${number}`
    try {
      await run('sh', ['-c', `cd /sys/block/zram${number} && echo 16M >disksize && echo 2M >mem_limit`])
      const served = await serve(device, ['--direct'])
      const random = ['if=/dev/urandom', `of=${served.volume}`, 'bs=64k', 'count=128', 'oflag=direct', 'conv=notrunc']
      t.match(await attempt('dd', random), { code: 1, stderr: /Input\/output error|No space|Cannot allocate/ })
      t.equal(await io(served.volume, 'pread -q 0 64k'), '', 'the daemon lives, and what was stored is read')
      served.daemon.child.kill('SIGTERM')
      await served.daemon.ended()
    } finally {
      await run('sh', ['-c', `echo 1 >/sys/block/zram${number}/reset; echo ${number} >${control}/hot_remove`])
    }
  })
})
