/**
 * The file backend over what only root can make: a file system that runs full, and block devices. Skipped without root.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { open as openHandle } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { checked } from '../../src/backend/checked.js'
import { type FileCalls } from '../../src/backend/file-open.js'
import { fallocateMode } from '../../src/backend/file-probe.js'
import { FileBackend } from '../../src/backend/file.js'
import { addon } from '../../src/native/addon.js'
import { plainLoop } from '../support/devices.js'
import { run } from '../support/process.js'
import { requires } from '../support/requires.js'
import { freshDirectory, freshPath } from '../support/scratch.js'
import { sweep } from '../support/sweep.js'
import { mebibyte, openFile } from './images.js'

const { EIO, ENOSPC } = constants.errno

t.teardown(() => {
  sweep()
})

/** Whether this root may mount; containers often have one that may not. */
const mayMount = (): string | false => {
  const lacks = requires('root')
  if (lacks !== false) return lacks
  const directory = freshDirectory('probe')
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', directory])
  if (status === 0) spawnSync('umount', [directory])
  return status === 0 ? false : 'this root may not mount'
}

t.test('a full disk below is ENOSPC, and what was stored before stays', { skip: mayMount() }, async (t) => {
  const directory = freshDirectory('small')
  await run('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', directory])
  const backend = await openFile(t, join(directory, 'image'), { size: 64 * mebibyte })
  const data = Buffer.alloc(65536, 'early')
  await backend.write(data, 0)
  let written = 0
  await t.rejects(
    async () => {
      for (; written < 64; written += 1) await backend.write(Buffer.alloc(65536, 1), mebibyte + written * 65536)
    },
    { code: 'ERR_SYSTEM', errno: ENOSPC },
  )
  t.ok(written > 10 && written < 32, `after ${String(written)} more writes`)
  const target = Buffer.alloc(65536)
  await backend.read(target, 0)
  t.ok(target.equals(data), 'earlier data is intact')
  await backend.write(Buffer.alloc(65536, 2), 0)
  t.pass('and may be written over')
  await t.rejects(async () => backend.allocate(0, 32 * mebibyte), { errno: ENOSPC, message: /allocate/ })
  await backend.trim(mebibyte, mebibyte)
  await backend.write(data, 8 * mebibyte)
  t.pass('trimmed space can be used again')
  await backend.close()
  await run('umount', [directory])
})

t.test('an image cannot be created where there is no room for its size', { skip: mayMount() }, async (t) => {
  const image = freshPath('filesystem')
  writeFileSync(image, '')
  truncateSync(image, 16 * mebibyte)
  await run('mkfs.ext4', ['-q', '-b', '1024', image])
  await plainLoop(image, async (device) => {
    const directory = freshDirectory('ext4')
    await run('mount', [device, directory])
    const path = join(directory, 'image')
    const tooLarge = new FileBackend(path, { size: 2 ** 52 })
    await t.rejects(tooLarge.open(), { code: 'ERR_IMAGE_FULL', message: /EFBIG; choose a smaller size/ })
    t.equal(spawnSync('ls', [directory], { encoding: 'utf8' }).stdout.includes('image'), false, 'and none is left')
    await run('umount', [directory])
  })
})

t.test('a block device is an image of its own size', { skip: requires('root', 'loop') }, async (t) => {
  const image = freshPath('image')
  writeFileSync(image, Buffer.alloc(8 * mebibyte, 1))
  await plainLoop(image, async (device) => {
    const modes: number[] = []
    const calls: FileCalls = {
      ...addon(),
      fallocate: (fd, mode, offset, length) => {
        modes.push(mode)
        return addon().fallocate(fd, mode, offset, length)
      },
    }
    const inner = new FileBackend(device, { calls })
    const backend = checked(inner)
    t.teardown(() => backend.close())
    await backend.open()
    t.strictSame(modes, [], 'what it can was read in sysfs, not tried')
    t.equal(backend.size, 8 * mebibyte)
    t.equal(backend.can.extents, false, 'lseek on a device knows no holes')
    t.equal(backend.can.trim, true)
    t.match(backend.file, { directFd: -1, alignment: 1, memory: false })
    t.equal(inner.fallocateUnit, 512, 'ranges are cut to its logical blocks')
    const wanted = Buffer.alloc(8 * mebibyte, 1)
    for (const [operation, offset, length] of [
      ['trim', 4096, 65536],
      ['trim', 100_001, 70_001],
      ['zero', mebibyte - 3, mebibyte],
      ['zero', 5 * mebibyte, 7],
    ] as const) {
      await backend[operation](offset, length)
      wanted.fill(0, offset, offset + length)
    }
    const { punchHole, zeroRange } = fallocateMode
    t.strictSame(modes, [punchHole, punchHole, zeroRange], 'less than a block is written with zeros')
    await backend.allocate(0, backend.size)
    t.equal(modes.length, 3, 'a device has all its space')
    await backend.write(Buffer.from('end'), backend.size - 3)
    wanted.write('end', backend.size - 3)
    const target = Buffer.alloc(backend.size)
    await backend.read(target, 0)
    t.ok(target.equals(wanted))
    await backend.flush()
    t.ok(readFileSync(image).equals(wanted), 'flushed through the device')
    await backend.close()
  })
})

t.test(
  'a block device that is in use is refused, and one in use by us cannot be mounted',
  { skip: mayMount() },
  async (t) => {
    const image = freshPath('filesystem')
    writeFileSync(image, '')
    truncateSync(image, 16 * mebibyte)
    await run('mkfs.ext4', ['-q', image])
    await plainLoop(image, async (device) => {
      const directory = freshDirectory('ext4')
      await run('mount', [device, directory])
      await t.rejects(new FileBackend(device).open(), { code: 'ERR_IMAGE_BUSY', message: /it is mounted/ })
      await run('umount', [directory])
      const backend = await openFile(t, device)
      t.not(spawnSync('mount', [device, directory]).status, 0)
      await backend.close()
      await run('blockdev', ['--setro', device])
      try {
        await t.rejects(new FileBackend(device).open(), { code: 'ERR_IMAGE_READ_ONLY', message: /--read-only/ })
        const reader = await openFile(t, device, { readOnly: true })
        t.equal(reader.can.write, false)
        await reader.close()
      } finally {
        // The switch outlives the attachment: whoever gets this loop device next would find it read-only.
        await run('blockdev', ['--setrw', device])
      }
    })
  },
)

t.test(
  'a device that loses its medium fails the requests that need it',
  { skip: requires('root', 'loop') },
  async (t) => {
    const image = freshPath('image')
    writeFileSync(image, Buffer.alloc(4 * mebibyte, 1))
    await plainLoop(image, async (device) => {
      const backend = await openFile(t, device)
      truncateSync(image, mebibyte)
      // What the page cache holds would hide the loss.
      const handle = await openHandle(device, 'r')
      await run('blockdev', ['--flushbufs', device])
      await handle.close()
      await t.rejects(async () => backend.read(Buffer.alloc(4096), 3 * mebibyte), { errno: EIO, message: /EIO/ })
      await backend.read(Buffer.alloc(4096), 0)
      await backend.close()
    })
  },
)
