/**
 * What is the file backend's own: how an image is opened, created, locked and refused, and what happens when the file
 * system below does less than one hopes, or fails.
 */
import { spawnSync } from 'node:child_process'
import fs, {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { type FileHandle, open as openHandle } from 'node:fs/promises'
import { createServer } from 'node:net'
import { constants } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { checked, type CheckedBackend } from '../../src/backend/checked.js'
import { type FileCalls } from '../../src/backend/file-open.js'
import { FileBackend, type FileOptions } from '../../src/backend/file.js'
import { createLogger } from '../../src/log.js'
import { addon } from '../../src/native/addon.js'
import { fallbackCalls, systemError } from './calls.js'

const { EIO, ENOSPC, EOPNOTSUPP } = constants.errno
const mebibyte = 1024 * 1024
const notRoot = process.geteuid?.() === 0 ? 'root may do everything' : false

const directoryOf = (t: Test, parent = '/var/tmp'): string => {
  const directory = mkdtempSync(join(parent, 'ringvol-file-'))
  t.teardown(() => {
    rmSync(directory, { recursive: true })
  })
  return directory
}

const imageOf = (t: Test, content: Buffer | string = Buffer.alloc(mebibyte, 'image')): string => {
  const path = join(directoryOf(t), 'image')
  writeFileSync(path, content)
  return path
}

const open = async (t: Test, path: string, options: FileOptions = {}): Promise<CheckedBackend> => {
  const backend = checked(new FileBackend(path, options))
  t.teardown(() => backend.close())
  await backend.open()
  return backend
}

const refused = async (t: Test, path: string, options: FileOptions, code: string, message: RegExp): Promise<void> => {
  await t.rejects(
    new FileBackend(path, options).open(),
    { code, message },
    `${path} ${JSON.stringify({ ...options, calls: undefined })}`,
  )
}

/** Descriptors of this process that lead below `directory`. */
const descriptorsIn = (directory: string): string[] =>
  readdirSync('/proc/self/fd').filter((fd) => {
    const link = spawnSync('readlink', [`/proc/${String(process.pid)}/fd/${fd}`], { encoding: 'utf8' }).stdout
    return link.startsWith(directory)
  })

/** Where a FileHandle's methods can be replaced for the time of a test. */
const handlePrototype = async (): Promise<FileHandle> => {
  const handle = await openHandle('/dev/null')
  await handle.close()
  return Object.getPrototypeOf(handle) as FileHandle
}

const logged = (): { lines: string[]; logger: ReturnType<typeof createLogger> } => {
  const lines: string[] = []
  const logger = createLogger({ level: 'silent' })
  const write = (line: unknown): void => {
    lines.push(String(line))
  }
  return {
    lines,
    logger: Object.assign(Object.create(logger) as typeof logger, { info: write, warn: write, error: write }),
  }
}

t.test('what is no image is refused by what it is', async (t) => {
  const directory = directoryOf(t)
  await refused(t, directory, {}, 'ERR_IMAGE_TYPE', /is a directory; an image is a regular file or a block device/)
  await refused(t, '/dev/null', {}, 'ERR_IMAGE_TYPE', /is a character device/)
  const pipe = join(directory, 'pipe')
  spawnSync('mkfifo', [pipe])
  await refused(t, pipe, { readOnly: true }, 'ERR_IMAGE_TYPE', /is a named pipe/)
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(join(directory, 'socket'), resolve))
  await refused(t, join(directory, 'socket'), {}, 'ERR_IMAGE_TYPE', /is a socket/)
  server.close()
})

t.test('a missing image says how to create it', async (t) => {
  const directory = directoryOf(t)
  await refused(
    t,
    join(directory, 'none'),
    {},
    'ERR_IMAGE_MISSING',
    /there is no image .*none; give --size to create it/,
  )
  await refused(t, join(directory, 'none'), { size: 512, readOnly: true }, 'ERR_IMAGE_MISSING', /existing image/)
  await refused(t, join(directory, 'no', 'where'), { size: 512 }, 'ERR_IMAGE_MISSING', /there is no directory/)
  await refused(t, join(imageOf(t), 'below'), {}, 'ERR_IMAGE_MISSING', /ENOTDIR/)
  symlinkSync('nowhere', join(directory, 'dangling'))
  await refused(t, join(directory, 'dangling'), {}, 'ERR_IMAGE_MISSING', /there is no image/)
  t.strictSame(readdirSync(directory), ['dangling'], 'and nothing is left')
})

t.test('a size that is no multiple of 512 is refused', async (t) => {
  await refused(t, imageOf(t, ''), {}, 'ERR_IMAGE_SIZE', /0 bytes/)
  await refused(t, imageOf(t, Buffer.alloc(513)), {}, 'ERR_IMAGE_SIZE', /513 bytes.*truncate --size=1024/)
  const directory = directoryOf(t)
  for (const size of [0, 511, -512, 1000]) await refused(t, join(directory, 'new'), { size }, 'ERR_IMAGE_SIZE', /512/)
  t.strictSame(readdirSync(directory), [], 'and nothing is left')
})

t.test('a new image is sparse, private, and of the size asked for', async (t) => {
  const path = join(directoryOf(t), 'new')
  const backend = await open(t, path, { size: 1024 * mebibyte })
  const { size, mode, blocks } = statSync(path)
  t.equal(size, 1024 * mebibyte)
  t.equal(mode & 0o777, 0o600)
  t.equal(blocks, 0)
  t.equal(await backend.allocated(), 0)
})

t.test('an existing image keeps its size and its contents, whatever --size says', async (t) => {
  const path = imageOf(t)
  await refused(t, path, { size: 2 * mebibyte }, 'ERR_IMAGE_SIZE', /exists and has 1M \(1048576 bytes\), not 2M/)
  const backend = await open(t, path, { size: mebibyte })
  const target = Buffer.alloc(5)
  await backend.read(target, 0)
  t.equal(target.toString(), 'image')
})

t.test('an image that was just created goes again when opening fails after that', async (t) => {
  const directory = directoryOf(t)
  const path = join(directory, 'new')
  const broken: FileCalls = {
    ...addon(),
    isMemory: () => {
      throw systemError(EIO, 'fstatfs')
    },
  }
  await t.rejects(new FileBackend(path, { size: mebibyte, calls: broken }).open(), { errno: EIO, message: /EIO/ })
  t.notOk(existsSync(path))
  const busy: FileCalls = {
    ...addon(),
    lockFile: () => {
      throw systemError(constants.errno.EAGAIN, 'fcntl')
    },
  }
  await refused(t, path, { size: mebibyte, calls: busy }, 'ERR_IMAGE_BUSY', /exported already/)
  t.notOk(existsSync(path))
  const kept = imageOf(t)
  await t.rejects(new FileBackend(kept, { calls: broken }).open(), { errno: EIO, message: /EIO/ })
  t.ok(existsSync(kept), 'one that was there before stays')
  t.strictSame(descriptorsIn(directory), [], 'no descriptor is left open')
})

t.test('an image can be exported once for writing, or any number of times for reading', async (t) => {
  const path = imageOf(t)
  const writer = await open(t, path)
  await refused(t, path, {}, 'ERR_IMAGE_BUSY', /ringvol list/)
  await refused(t, path, { readOnly: true }, 'ERR_IMAGE_BUSY', /exported already/)
  const lane = await open(t, path, { lock: false })
  await writer.write(Buffer.from('shared'), 4096)
  const target = Buffer.alloc(6)
  await lane.read(target, 4096)
  t.equal(target.toString(), 'shared', 'lanes of one volume see each other')
  await lane.close()
  await writer.close()
  await open(t, path, { readOnly: true })
  await open(t, path, { readOnly: true })
  await refused(t, path, {}, 'ERR_IMAGE_BUSY', /exported already/)
})

t.test('the lock holds against another process, and a child that was started meanwhile does not keep it', async (t) => {
  const path = imageOf(t)
  const backend = await open(t, path)
  t.equal(spawnSync('flock', ['--nonblock', path, 'true']).status, 1)
  const child = spawnSync('sh', ['-c', 'ls -l /proc/self/fd'], { encoding: 'utf8' })
  t.notMatch(child.stdout, path, 'the descriptor is closed on exec')
  await backend.close()
  t.equal(spawnSync('flock', ['--nonblock', path, 'true']).status, 0)
})

t.test('a file system without locks is used, and said to have none', async (t) => {
  const { lines, logger } = logged()
  await open(t, imageOf(t), { calls: fallbackCalls, logger })
  t.match(lines.join('\n'), /no locks \(ENOLCK\)/)
  t.match(lines.join('\n'), /no hole punching \(EOPNOTSUPP\)/)
})

t.test('a read-only image is not written, not probed for writing, and offers a read-only descriptor', async (t) => {
  const path = imageOf(t)
  chmodSync(path, 0o400)
  const backend = await open(t, path, { readOnly: true })
  t.strictSame(backend.can, { write: false, flush: false, trim: false, zero: false, extents: true, lanes: true })
  const flags = readFileSync(`/proc/self/fdinfo/${String(backend.file?.fd)}`, 'utf8')
  t.match(flags, /flags:\s+0?\d*[04]\d*0\n/, 'O_RDONLY')
})

t.test('an image that may only be read asks for --read-only', { skip: notRoot }, async (t) => {
  const path = imageOf(t)
  chmodSync(path, 0o400)
  await refused(t, path, {}, 'ERR_IMAGE_READ_ONLY', /EACCES.*give --read-only/)
  chmodSync(path, 0o000)
  await refused(t, path, {}, 'ERR_SYSTEM', /EACCES; run as its owner or as root/)
})

t.test('what it offers to the ring is what it is', async (t) => {
  const plain = await open(t, imageOf(t))
  t.match(plain.file, { directFd: -1, alignment: 1, memory: false })
  const path = imageOf(t)
  const direct = await open(t, path, { direct: true })
  const { directFd, alignment, fd } = direct.file ?? { directFd: -1, alignment: 0, fd: -1 }
  t.ok(alignment >= 1 && Number.isInteger(Math.log2(alignment)))
  const O_DIRECT = 0o40000
  const flagsOf = (fd: number): number =>
    parseInt(/flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${String(fd)}`, 'utf8'))?.[1] ?? '', 8)
  t.equal(flagsOf(directFd) & O_DIRECT, O_DIRECT)
  t.equal(flagsOf(fd) & O_DIRECT, 0)
  await direct.close()
  t.strictSame(descriptorsIn(path), [], 'all descriptors are closed')
})

t.test('on tmpfs it says so, and punches where there is no zero-range', async (t) => {
  const path = join(directoryOf(t, '/dev/shm'), 'image')
  const backend = await open(t, path, { size: mebibyte })
  t.match(backend.file, { memory: true })
  t.equal(backend.can.trim, true)
  await backend.write(Buffer.alloc(mebibyte, 1), 0)
  await backend.zero(4096, 8192)
  const target = Buffer.alloc(8192, 0xff)
  await backend.read(target, 4096)
  t.ok(target.equals(Buffer.alloc(8192)))
  t.equal(await backend.allocated(), mebibyte - 8192)
})

t.test('opening an image changes not a byte of it, nor the space it takes', async (t) => {
  const path = imageOf(t)
  const before = statSync(path)
  const backend = await open(t, path)
  const after = statSync(path)
  t.equal(after.mtimeMs, before.mtimeMs)
  t.equal(after.blocks, before.blocks)
  t.equal(after.size, before.size)
  t.ok(readFileSync(path).equals(Buffer.alloc(mebibyte, 'image')))
  t.equal(backend.can.trim, true, 'although it was found out that holes can be punched')
})

t.test('what was found out can be probed on the image itself where no temporary file can be', async (t) => {
  const path = imageOf(t)
  const alias = `/proc/self/fd/${String(openSync(path, 'r+'))}`
  const before = statSync(path).blocks
  const backend = await open(t, alias)
  t.equal(backend.can.trim, true)
  t.equal(statSync(path).blocks, before)
  await backend.zero(0, 4096)
  t.ok(readFileSync(path).subarray(0, 4096).equals(Buffer.alloc(4096)), 'and zero works nevertheless')
  closeSync(Number(alias.split('/').at(-1)))
})

t.test('zero falls back step by step when the file system turns out to do less', async (t) => {
  const modes: number[] = []
  let hasZeroRange = true
  const unable = (...refused: number[]): FileCalls => ({
    ...addon(),
    fallocate: async (fd, mode, offset, length) => {
      modes.push(mode)
      if (modes.length > 2 && refused.includes(mode)) throw systemError(EOPNOTSUPP, 'fallocate')
      await addon()
        .fallocate(fd, mode, offset, length)
        .catch((error: unknown) => {
          if (mode === 17) hasZeroRange = false
          throw error
        })
    },
  })
  for (const [refused, tried] of [
    [[], [17]],
    [[17], [17, 3]],
    [
      [17, 3],
      [17, 3],
    ],
  ] as const) {
    modes.length = 0
    const path = imageOf(t, Buffer.alloc(4 * mebibyte, 1))
    const backend = await open(t, path, { calls: unable(...refused) })
    t.equal(modes.length, 2, 'two probes')
    if (!hasZeroRange) continue
    await backend.zero(1000, 3 * mebibyte)
    t.strictSame(modes.slice(2), tried)
    const wanted = Buffer.alloc(4 * mebibyte, 1).fill(0, 1000, 1000 + 3 * mebibyte)
    t.ok(readFileSync(path).equals(wanted), `with ${refused.join(' and ')} refused`)
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

t.test('an image that is cut short under us is EIO where it ended, never zeros', async (t) => {
  const { lines, logger } = logged()
  const path = imageOf(t)
  const backend = await open(t, path, { logger })
  truncateSync(path, mebibyte / 2)
  await t.rejects(async () => backend.read(Buffer.alloc(4096), mebibyte - 4096), { errno: EIO, message: /truncated/ })
  await t.rejects(async () => backend.read(Buffer.alloc(8192), mebibyte / 2 - 4096), {
    errno: EIO,
    message: /truncated/,
  })
  t.equal(lines.filter((line) => line.includes('truncated')).length, 1, 'logged once')
  const target = Buffer.alloc(5)
  await backend.read(target, 0)
  t.equal(target.toString(), 'image', 'what is left can be read')
  t.strictSame((await backend.extents(mebibyte / 2, mebibyte / 2)).at(-1)?.kind, 'data', 'what is lost is no hole')
})

t.test('a short read or write is resumed until all is done', async (t) => {
  for (const parent of ['/var/tmp', '/dev/shm']) {
    const path = join(directoryOf(t, parent), 'image')
    const backend = await open(t, path, { size: mebibyte })
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
    const backend = await open(t, join(directoryOf(t, parent), 'image'), { size: mebibyte })
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
  const backend = await open(t, imageOf(t))
  const { restore } = t.intercept(fs, 'write', {
    value: (...rest: unknown[]) => setImmediate(rest.at(-1) as (error: null, bytes: number) => void, null, 0),
  })
  await t.rejects(async () => backend.write(Buffer.alloc(512), 0), { code: 'ERR_SYSTEM', errno: EIO })
  restore()
})

t.test('one flush is one fdatasync of the image', async (t) => {
  const backend = await open(t, imageOf(t))
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
  const backend = await open(t, imageOf(t), { calls })
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
