/**
 * What the kernel's own tests of the loop driver look at, on a loop device over a volume: block sizes, a capacity that
 * is set again under a file system, partitions, devices that others open while they go, and requests that are refused
 * without filling the kernel log. One transport each; which one changes from run to run.
 */
import { closeSync, openSync, truncateSync, writeSync } from 'node:fs'
import t from 'tap'
import { deviceSession } from '../fsx/targets.js'
import { Model } from '../fsx/model.js'
import { formatOperation, parseOperation } from '../fsx/operation.js'
import { detachLoop, mounted } from '../support/devices.js'
import { recordDevice } from '../support/journal.js'
import { watchKernelLog } from '../support/kernel-log.js'
import { attempt, run, start, until } from '../support/process.js'
import { attach, attachOnly, carriers, lacksTransport, serve, sparseImage, transports } from '../support/ringvol.js'
import { seeded } from '../support/seed.js'
import { suite } from '../support/suite.js'

const MiB = 1 << 20
const size = 32 * MiB
const usable = transports.filter((transport) => lacksTransport(transport) === false)
const carrying = carriers.filter((transport) => lacksTransport(transport) === false)

/** A partition table of the old kind; each partition has 8192 sectors. */
const partition = (image: string, starts: readonly number[]): void => {
  const table = Buffer.alloc(512)
  for (const [index, start] of starts.entries()) {
    const entry = 446 + 16 * index
    table[entry + 4] = 0x83
    table.writeUInt32LE(start, entry + 8)
    table.writeUInt32LE(8192, entry + 12)
  }
  table.writeUInt16BE(0x55aa, 510)
  const fd = openSync(image, 'r+')
  writeSync(fd, table)
  closeSync(fd)
}

/** What the kernel logs when it finds out, and then must not log again. */
const refused = /operation not supported error, dev loop\d+, .*(DISCARD|WRITE_ZEROES)/

await suite(t, { needs: ['command:g++', 'command:mkfs.ext4'], expectedLog: [refused] }, () => {
  const { seed } = seeded(t)
  let turn = seed
  const next = (): string[] => ['--transport', usable[turn++ % usable.length] ?? 'syscall']
  /** For a layer, whose volume the kernel cannot pass by. */
  const carrier = (): string[] => ['--transport', carrying[turn++ % carrying.length] ?? 'syscall']

  /** What the device answers to operations under O_DIRECT that are expected to do as a disk of 512-byte sectors does. */
  const direct = async (device: string, ...lines: string[]): Promise<string> => {
    const model = new Model({ target: 'loop', size })
    const script = lines.map(parseOperation).map((operation) => {
      return `${model.apply(operation).answer} ${formatOperation(operation)}`
    })
    return (await deviceSession(device, 'direct', 'block', script))?.answer ?? 'as expected'
  }

  for (const sector of [512, 4096]) {
    t.test(`sectors of ${String(sector)} bytes are the smallest piece under O_DIRECT`, async (t) => {
      const { device, detach } = await attach(sparseImage(size), [...next(), '--sector-size', String(sector)])
      t.equal(await run('blockdev', ['--getss', device]), String(sector))
      const one = String(sector)
      t.equal(await direct(device, `write ${one} ${one} 1`, `read 0 8192 0`, `zero ${one} ${one} 0`, `read 0 8192 0`), 'as expected') // prettier-ignore
      t.equal(await direct(device, `read 0 ${String(sector / 2)} 0`), '-22', 'half of one is EINVAL')
      t.equal(await direct(device, `punch 0 ${String(sector / 2)} 0`), '-22', 'also of a discard')
      await detach()
    })
  }

  t.test('the sector size of a loop device that losetup made is changed while it is attached', async (t) => {
    const served = await serve(sparseImage(size), next())
    const device = await run('losetup', ['--direct-io=on', '--find', '--show', served.volume])
    recordDevice(device)
    for (const sector of [4096, 1024, 512]) {
      await run('losetup', ['--sector-size', String(sector), device])
      t.equal(await run('blockdev', ['--getss', device]), String(sector))
      t.equal(await direct(device, `write 0 4096 ${String(sector)}`, 'read 0 8192 0'), 'as expected', String(sector))
    }
    await detachLoop(device)
    t.match(await served.stop(), { code: 0 })
  })

  t.test('setting the capacity under a mounted file system, also after the image grew, changes nothing', async (t) => {
    const image = sparseImage(size)
    const { device, detach } = await attach(image, next())
    await run('mkfs.ext4', ['-q', device])
    await mounted(device, async (directory) => {
      await run('dd', ['if=/dev/zero', `of=${directory}/before`, 'bs=1M', 'count=4', 'conv=fsync'])
      truncateSync(image, 2 * size)
      await run('losetup', ['-c', device])
      t.equal(await run('blockdev', ['--getsize64', device]), String(size))
      await run('dd', ['if=/dev/zero', `of=${directory}/after`, 'bs=1M', 'count=4', 'conv=fsync'])
    })
    await run('e2fsck', ['-fn', device])
    await detach()
  })

  t.test('partitions come when they are asked for, hold what is written, and go with the device', async (t) => {
    const image = sparseImage(size)
    partition(image, [2048, 10_240])
    const served = await serve(image, next())
    const device = await run('losetup', ['--partscan', '--direct-io=on', '--find', '--show', served.volume])
    recordDevice(device)
    // Reads the table itself, for kernels that cannot.
    await run('partx', ['--update', device])
    const names = (): Promise<string> => run('lsblk', ['-nro', 'NAME', device])
    const [disk = ''] = device.split('/').slice(-1)
    await until('both partitions are there', async () => (await names()).split('\n').length === 3)
    t.equal(await names(), [disk, `${disk}p1`, `${disk}p2`].join('\n'))
    await run('xfs_io', ['-d', '-c', 'pwrite -q -S 0x42 0 4k', '-c', 'fsync', `${device}p2`])
    t.match(await run('od', ['-An', '-tx1', '-j', String(10_240 * 512), '-N', '4', image]), /42 42 42 42/)
    await detachLoop(device)
    t.match(await attempt('test', ['-e', `/sys/block/${disk}/${disk}p1`]), { code: 1 })
    t.match(await served.stop(), { code: 0 })
  })

  t.test('a device that others keep opening is detached, and they get their answer or an error', async (t) => {
    for (let round = 0; round < 2; round++) {
      const { device, detach } = await attachOnly(sparseImage(MiB), next())
      const loop = 'while test -e "$1.go"; do dd if="$0" of=/dev/null bs=4k count=1 2>/dev/null && echo read || echo refused; done' // prettier-ignore
      const flag = sparseImage(0)
      await run('touch', [`${flag}.go`])
      const openers = [0, 1, 2].map(() => start('sh', ['-c', loop, device, flag]))
      await until('they read', () => openers.every(({ lines }) => lines.length > 3))
      await detach()
      await run('rm', [`${flag}.go`])
      for (const opener of openers) t.match(await opener.ended(5000), { code: 0 }, 'none of them hangs')
    }
  })

  t.test(
    'zeroing and discarding that the backend refuses are asked for once, and zeroes are written instead',
    async (t) => {
      const complaints = await watchKernelLog()
      const refusing = ['--layer', 'error:op=zero,errno=EOPNOTSUPP', '--layer', 'error:op=trim,errno=EOPNOTSUPP']
      const { device, detach } = await attach(sparseImage(size), [...carrier(), ...refusing])
      // In this order: the loop driver that has given up discards refuses zeroing itself, each time, with a line each.
      const zeroed = await direct(device, 'write 0 65536 1', 'zero 4096 8192 0', 'zero 32768 512 0', 'read 0 65536 0')
      t.equal(zeroed, 'as expected')
      for (const where of ['0', '1M']) await attempt('blkdiscard', ['--offset', where, '--length', '64k', device])
      await run('mkfs.ext4', ['-q', device])
      await run('e2fsck', ['-fn', device])
      const lines = await complaints()
      t.ok(lines.length <= 2 && lines.every((line) => refused.test(line)), lines.join('; '))
      await detach()
    },
  )
})
