/**
 * What an open image does when the file system below does less than one hopes, or fails.
 */
import fs, { readFileSync, statSync, truncateSync, unlinkSync } from 'node:fs'
import { type FileHandle, open as openHandle } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { checked } from '../../src/backend/checked.js'
import { type FileCalls } from '../../src/backend/file-open.js'
import { fallocateMode } from '../../src/backend/file-probe.js'
import { FileBackend } from '../../src/backend/file.js'
import { addon } from '../../src/native/addon.js'
import { systemError } from './calls.js'
import { directoryOf, imageOf, logged, mebibyte, openFile } from './images.js'

const { EIO, ENOSPC, EOPNOTSUPP } = constants.errno

/** Where a FileHandle's methods can be replaced for the time of a test. */
const handlePrototype = async (): Promise<FileHandle> => {
  const handle = await openHandle('/dev/null')
  await handle.close()
  return Object.getPrototypeOf(handle) as FileHandle
}

t.test('zero falls back step by step when the file system turns out to do less', async (t) => {
  const { zeroRange, punchHole } = fallocateMode
  const modes: number[] = []
  // Zeroes by writing, so that both ways exist wherever this runs: the order of the steps is what is looked at.
  const unable = (refused: readonly number[]): FileCalls => ({
    ...addon(),
    fallocate: async (fd, mode, offset, length) => {
      modes.push(mode)
      if (modes.length > 2 && refused.includes(mode)) throw systemError(EOPNOTSUPP, 'fallocate')
      await promisify(fs.write)(fd, Buffer.alloc(length), 0, length, offset)
    },
  })
  const cases: readonly [refused: readonly number[], tried: readonly number[]][] = [
    [[], [zeroRange]],
    [[zeroRange], [zeroRange, punchHole]],
    [
      [zeroRange, punchHole],
      [zeroRange, punchHole],
    ],
  ]
  for (const [refused, tried] of cases) {
    const what = `with modes ${refused.join(' and ') || 'none'} refused`
    modes.length = 0
    const path = imageOf(t, Buffer.alloc(4 * mebibyte, 1))
    const backend = await openFile(t, path, { calls: unable(refused) })
    t.strictSame(modes, [punchHole, zeroRange], 'both are probed')
    await backend.zero(1000, 3 * mebibyte)
    t.strictSame(modes.slice(2), tried, what)
    const wanted = Buffer.alloc(4 * mebibyte, 1).fill(0, 1000, 1000 + 3 * mebibyte)
    t.ok(readFileSync(path).equals(wanted), what)
    modes.length = 2
    await backend.zero(0, 512)
    t.strictSame(modes.slice(2), refused.includes(zeroRange) ? [punchHole] : [zeroRange], 'zero-range is refused once')
    t.ok(readFileSync(path).equals(wanted.fill(0, 0, 512)), what)
  }
})

t.test('edges that a block device cannot punch are written as zeros', async (t) => {
  const punched: [number, number][] = []
  const calls: FileCalls = {
    ...addon(),
    fallocate: async (fd, mode, offset, length) => {
      if (offset % 4096 !== 0 || length % 4096 !== 0) throw systemError(constants.errno.EINVAL, 'fallocate')
      punched.push([offset, length])
      await addon().fallocate(fd, mode, offset, length)
    },
  }
  const path = imageOf(t, Buffer.alloc(mebibyte, 1))
  const inner = new FileBackend(path, { calls })
  const backend = checked(inner)
  t.teardown(() => backend.close())
  await backend.open()
  inner.fallocateUnit = 4096
  punched.length = 0
  const wanted = Buffer.alloc(mebibyte, 1)
  for (const [offset, length] of [
    [1000, 20000],
    [8192, 4096],
    [30000, 5],
    [40960, 5000],
  ] as const) {
    await backend.trim(offset, length)
    wanted.fill(0, offset, offset + length)
  }
  t.ok(readFileSync(path).equals(wanted))
  t.strictSame(punched, [
    [4096, 16384],
    [8192, 4096],
    [40960, 4096],
  ])
})

t.test('a flush looks whether the image still has a name, since what it stores would be gone with it', async (t) => {
  const path = imageOf(t)
  const backend = await openFile(t, path)
  await backend.write(Buffer.alloc(4096, 1), 0)
  await backend.flush()
  unlinkSync(path)
  await t.rejects(async () => backend.flush(), { errno: EIO, message: /no name any more/ })
  await t.rejects(async () => backend.write(Buffer.alloc(4096, 2), 0), { errno: EIO, message: /no name any more/ })
  const kept = Buffer.alloc(4096)
  await backend.read(kept, 0)
  t.ok(
    kept.every((byte) => byte === 1),
    'it can still be read',
  )
})

t.test('an image that is cut short under us is EIO where it ended, never zeros', async (t) => {
  const { lines, logger } = logged()
  const path = imageOf(t)
  const backend = await openFile(t, path, { logger })
  truncateSync(path, mebibyte / 2)
  await t.rejects(async () => backend.read(Buffer.alloc(4096), mebibyte - 4096), { errno: EIO, message: /cut short/ })
  await t.rejects(async () => backend.read(Buffer.alloc(8192), mebibyte / 2 - 4096), {
    errno: EIO,
    message: /cut short/,
  })
  while (!backend.changed) await sleep(10) // the failed reads made it look
  t.equal(lines.filter((line) => line.includes('cut short to 524288 bytes')).length, 1, 'logged once')
  for (const change of [
    () => backend.write(Buffer.alloc(512), mebibyte - 512),
    () => backend.zero(mebibyte / 2, 4096),
    () => backend.trim(mebibyte - 8192, 4096),
    () => backend.allocate(mebibyte - 8192, 4096),
  ]) {
    await t.rejects(async () => change(), { errno: EIO, message: /cut short/ })
  }
  t.equal(statSync(path).size, mebibyte / 2, 'and nothing makes it longer again')
  const target = Buffer.alloc(5)
  await backend.read(target, 0)
  t.equal(target.toString(), 'image', 'what is left can be read')
  t.strictSame((await backend.extents(mebibyte / 2, mebibyte / 2)).at(-1)?.kind, 'data', 'what is lost is no hole')
})

t.test('a short read or write is resumed until all is done', async (t) => {
  for (const parent of ['/var/tmp', '/dev/shm']) {
    const path = join(directoryOf(t, parent), 'image')
    const backend = await openFile(t, path, { size: mebibyte })
    let calls = 0
    const short = (name: 'read' | 'write' | 'readSync' | 'writeSync'): (() => void) => {
      const method = fs[name] as unknown as (...rest: unknown[]) => unknown
      const cut = (fd: number, buffer: Buffer, at: number, length: number, ...rest: unknown[]): unknown => {
        calls += 1
        return method(fd, buffer, at, Math.min(length, 100_000), ...rest)
      }
      return t.intercept(fs, name, { value: cut }).restore
    }
    const restores = [short('read'), short('write'), short('readSync'), short('writeSync')]
    const data = Buffer.alloc(mebibyte - 1, 'resumed')
    await backend.write(data, 1)
    const target = Buffer.alloc(mebibyte - 1)
    await backend.read(target, 1)
    for (const restore of restores) restore()
    t.equal(calls, 22, parent)
    t.ok(target.equals(data))
    t.ok(readFileSync(path).subarray(1).equals(data))
  }
})

t.test('a read, write or flush that fails keeps its errno, and the next one is tried anew', async (t) => {
  const broken = Object.assign(new Error('broken'), { errno: -EIO, code: 'EIO' })
  const throwing = (): never => {
    throw broken
  }
  const calling = (...rest: unknown[]): void => {
    setImmediate(rest.at(-1) as (error: Error) => void, broken)
  }
  for (const parent of ['/var/tmp', '/dev/shm']) {
    const backend = await openFile(t, join(directoryOf(t, parent), 'image'), { size: mebibyte })
    const restores = [
      t.intercept(fs, 'read', { value: calling }).restore,
      t.intercept(fs, 'write', { value: calling }).restore,
      t.intercept(fs, 'readSync', { value: throwing }).restore,
      t.intercept(fs, 'writeSync', { value: throwing }).restore,
      t.intercept(await handlePrototype(), 'datasync', { value: () => Promise.reject(broken) }).restore,
    ]
    const shape = { code: 'ERR_SYSTEM', errno: EIO }
    await t.rejects(async () => backend.read(Buffer.alloc(512), 0), { ...shape, message: /read of 512 bytes at 0/ })
    await t.rejects(async () => backend.write(Buffer.alloc(512), 512), {
      ...shape,
      message: /write of 512 bytes at 512/,
    })
    await t.rejects(async () => backend.flush(), { ...shape, message: /flush/ })
    for (const restore of restores) restore()
    await backend.write(Buffer.alloc(512), 0)
    await backend.read(Buffer.alloc(512), 0)
    await backend.flush()
  }
})

t.test('a write that stores nothing is an error, not an endless loop', async (t) => {
  const backend = await openFile(t, imageOf(t))
  const { restore } = t.intercept(fs, 'write', {
    value: (...rest: unknown[]) => setImmediate(rest.at(-1) as (error: null, bytes: number) => void, null, 0),
  })
  await t.rejects(async () => backend.write(Buffer.alloc(512), 0), { code: 'ERR_SYSTEM', errno: EIO })
  restore()
})

t.test('one flush is one fdatasync of the image', async (t) => {
  const backend = await openFile(t, imageOf(t))
  const syncs = t.capture(await handlePrototype(), 'datasync', () => Promise.resolve())
  await backend.write(Buffer.alloc(512), 0)
  t.equal(syncs().length, 0)
  await backend.flush()
  t.equal(syncs().length, 1)
})

t.test('errors of the addon keep their errno, and say what was done where', async (t) => {
  let failing = 0
  const calls: FileCalls = {
    ...addon(),
    fallocate: (fd, mode, offset, length) =>
      failing === 0 ? addon().fallocate(fd, mode, offset, length) : Promise.reject(systemError(failing, 'fallocate')),
    seek: (fd, offset, whence) =>
      failing === 0 ? addon().seek(fd, offset, whence) : Promise.reject(systemError(failing, 'lseek')),
  }
  const backend = await openFile(t, imageOf(t), { calls })
  failing = EIO
  const shape = { code: 'ERR_SYSTEM', errno: EIO }
  await t.rejects(async () => backend.trim(4096, 8192), { ...shape, message: /trim of 8192 bytes at 4096 failed: EIO/ })
  await t.rejects(
    async () => backend.zero(0, 512),
    { ...shape, message: /zero of 512/ },
    'not papered over by a fallback',
  )
  await t.rejects(async () => backend.extents(0, 512), { ...shape, message: /extents/ })
  failing = ENOSPC
  await t.rejects(async () => backend.allocate(0, 512), { code: 'ERR_SYSTEM', errno: ENOSPC })
})
