/**
 * What the addon adds to Node's fs, unprivileged: locks, fallocate, seeking data and holes, and what a file is.
 */
import { closeSync, fstatSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { addon } from '../../src/native/addon.js'
import { unbuilt } from './built.js'

const MiB = 1024 * 1024
const keepSize = 1
const punchHole = 2
const seekData = 3
const seekHole = 4

const directory = mkdtempSync(join(tmpdir(), 'ringvol-native-'))
t.teardown(() => {
  rmSync(directory, { recursive: true })
})

let serial = 0
/** A file of 1 MiB, all hole, that can be opened again. */
const freshFile = (t: Test): { fd: number; again: () => number } => {
  const path = join(directory, String(++serial))
  const open = (flags: string): number => {
    const fd = openSync(path, flags)
    t.teardown(() => {
      closeSync(fd)
    })
    return fd
  }
  const fd = open('w+')
  ftruncateSync(fd, MiB)
  return { fd, again: () => open('r+') }
}

const { EAGAIN, EBADF, EINVAL, ENOTTY } = constants.errno

t.test('the file functions of the addon', { skip: unbuilt }, (t) => {
  const { lockFile, isMemory, directAlignment, deviceSize, fallocate, seek, duplicate, closeFd } = addon()

  t.test('an exclusive lock keeps every other open of the file out, until it is closed', (t) => {
    const { fd, again } = freshFile(t)
    lockFile(fd, true)
    lockFile(fd, true) // the same open file: no conflict with itself
    const other = again()
    for (const exclusive of [true, false]) {
      t.throws(() => { lockFile(other, exclusive) }, { errno: EAGAIN, code: 'EAGAIN', syscall: 'fcntl' }) // prettier-ignore
    }
    t.end()
  })

  t.test('shared locks live beside each other, and keep an exclusive one out', (t) => {
    const { fd, again } = freshFile(t)
    lockFile(fd, false)
    lockFile(again(), false)
    t.throws(() => { lockFile(again(), true) }, { code: 'EAGAIN' }) // prettier-ignore
    t.end()
  })

  t.test('a lock goes with the last descriptor of its open file, not with the first', (t) => {
    const { again } = freshFile(t)
    const fd = addon().duplicate(again())
    const copy = duplicate(fd)
    lockFile(fd, true)
    closeFd(fd)
    t.throws(() => { lockFile(again(), true) }, { code: 'EAGAIN' }, 'a duplicate still holds it') // prettier-ignore
    closeFd(copy)
    t.throws(() => { closeFd(copy) }, { errno: EBADF, code: 'EBADF', syscall: 'close' }) // prettier-ignore
    t.end()
  })

  t.test('tmpfs is memory, a disk is not', (t) => {
    t.equal(isMemory(openSync('/proc/self/maps', 'r')), false)
    const shm = openSync('/dev/shm', 'r')
    t.teardown(() => {
      closeSync(shm)
    })
    t.equal(isMemory(shm), true)
    t.throws(() => isMemory(999_999), { errno: EBADF, code: 'EBADF', syscall: 'fstatfs' })
    t.end()
  })

  t.test('the alignment for O_DIRECT is a power of two, of a sector at least', (t) => {
    const alignment = directAlignment(freshFile(t).fd)
    t.ok(alignment >= 4 && alignment <= 65536 && Number.isInteger(Math.log2(alignment)), String(alignment))
    t.end()
  })

  t.test('only block devices have a device size', (t) => {
    t.throws(() => deviceSize(freshFile(t).fd), { errno: ENOTTY, code: 'ENOTTY', syscall: 'ioctl' })
    t.end()
  })

  t.test('data and holes are found, and ENXIO is -1', async (t) => {
    const { fd } = freshFile(t)
    t.equal(await seek(fd, 0, seekData), -1, 'all hole')
    t.equal(await seek(fd, 0, seekHole), 0)
    writeSync(fd, Buffer.alloc(65536, 1), 0, 65536, 131072)
    t.equal(await seek(fd, 0, seekData), 131072)
    t.equal(await seek(fd, 131072, seekHole), 196608)
    t.equal(await seek(fd, 2 * MiB, seekData), -1, 'past the end')
    await t.rejects(seek(fd, 0, 99), { errno: EINVAL, code: 'EINVAL', syscall: 'lseek' })
    await t.rejects(seek(999_999, 0, seekData), { errno: EBADF, code: 'EBADF', syscall: 'lseek' })
  })

  t.test('fallocate punches holes that read as zeros and give their blocks back', async (t) => {
    const { fd } = freshFile(t)
    writeSync(fd, Buffer.alloc(MiB, 1), 0, MiB, 0)
    const before = fstatSync(fd).blocks
    await fallocate(fd, punchHole | keepSize, 65536, 131072)
    const data = Buffer.alloc(4)
    readSync(fd, data, 0, 4, 65534)
    t.equal(data.toString('hex'), '01010000')
    t.equal(fstatSync(fd).size, MiB)
    t.ok(fstatSync(fd).blocks < before, 'fewer blocks than before')
    await t.rejects(fallocate(fd, keepSize, -1, 1), { errno: EINVAL, code: 'EINVAL', syscall: 'fallocate' })
    await t.rejects(fallocate(999_999, 0, 0, 1), { errno: EBADF, code: 'EBADF', syscall: 'fallocate' })
  })

  t.test('offsets beyond 4 GiB are exact', async (t) => {
    const { fd } = freshFile(t)
    const far = 5 * 1024 * MiB
    writeSync(fd, Buffer.from([1]), 0, 1, far)
    const found = await seek(fd, MiB, seekData)
    t.ok(found > far - 65536 && found <= far, String(found))
    t.equal(await seek(fd, far, seekData), far)
  })

  t.test('a duplicate shares the file and closes alone', (t) => {
    const { fd } = freshFile(t)
    const copy = duplicate(fd)
    t.not(copy, fd)
    t.equal(fstatSync(copy).ino, fstatSync(fd).ino)
    closeFd(copy)
    t.equal(fstatSync(fd).size, MiB)
    t.throws(() => duplicate(999_999), { errno: EBADF, code: 'EBADF', syscall: 'fcntl' })
    t.end()
  })
  t.end()
})

t.test('what concerns the process', { skip: unbuilt }, (t) => {
  t.test('the probe of io_uring gives an errno and features, each once', (t) => {
    const { errno, features } = addon().probeIoUring()
    t.ok(errno >= 0 && Number.isInteger(errno))
    t.strictSame([...new Set(features)], features)
    t.ok(errno !== 0 || features.length > 0, 'a kernel that gives a ring has some feature')
    t.end()
  })

  t.test('pinning to a CPU that does not exist is EINVAL', (t) => {
    t.throws(() => { addon().pinThread(1023) }, { errno: EINVAL, code: 'EINVAL', syscall: 'sched_setaffinity' }) // prettier-ignore
    t.end()
  })

  t.test('exec of what is no program throws, and the process goes on', (t) => {
    t.throws(() => addon().exec('/nonexistent/program', ['x'], []), { code: 'ENOENT', syscall: 'execve' })
    t.end()
  })

  t.test('a mount on what is no directory says so', (t) => {
    t.throws(() => { addon().mount(-1, '/nonexistent', 'x', false, '') }, { code: 'ENOENT', syscall: 'open' }) // prettier-ignore
    t.throws(() => { addon().mount(-1, '/dev/null', 'x', false, '') }, { code: 'ENOTDIR', syscall: 'open' }) // prettier-ignore
    t.end()
  })

  t.test('unmounting what is not mounted rejects', async (t) => {
    const error: unknown = await addon()
      .unmount('/nonexistent', false)
      .catch((reason: unknown) => reason)
    t.match(error, { syscall: 'umount2' }) // ENOENT, or EPERM for who may not unmount
  })
  t.end()
})
