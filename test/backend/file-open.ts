/**
 * How an image is opened, created, locked and refused, and what is found out about it meanwhile.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, closeSync, existsSync, openSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { constants } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { type FileCalls } from '../../src/backend/file-open.js'
import { FileBackend, type FileOptions } from '../../src/backend/file.js'
import { addon } from '../../src/native/addon.js'
import { fallbackCalls, systemError } from './calls.js'
import { descriptorsIn, directoryOf, imageOf, logged, mebibyte, openFile } from './images.js'

const { EIO } = constants.errno
const notRoot = process.geteuid?.() === 0 ? 'root may do everything' : false

const refused = async (t: Test, path: string, options: FileOptions, code: string, message: RegExp): Promise<void> => {
  await t.rejects(
    new FileBackend(path, options).open(),
    { code, message },
    `${path} ${JSON.stringify({ ...options, calls: undefined })}`,
  )
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
  const backend = await openFile(t, path, { size: 1024 * mebibyte })
  const { size, mode, blocks } = statSync(path)
  t.equal(size, 1024 * mebibyte)
  t.equal(mode & 0o777, 0o600)
  t.equal(blocks, 0)
  t.equal(await backend.allocated(), 0)
})

t.test('an existing image keeps its size and its contents, whatever --size says', async (t) => {
  const path = imageOf(t)
  await refused(t, path, { size: 2 * mebibyte }, 'ERR_IMAGE_SIZE', /exists and has 1M \(1048576 bytes\), not 2M/)
  const backend = await openFile(t, path, { size: mebibyte })
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
  const writer = await openFile(t, path)
  await refused(t, path, {}, 'ERR_IMAGE_BUSY', /ringvol list/)
  await refused(t, path, { readOnly: true }, 'ERR_IMAGE_BUSY', /exported already/)
  const lane = await openFile(t, path, { lock: false })
  await writer.write(Buffer.from('shared'), 4096)
  const target = Buffer.alloc(6)
  await lane.read(target, 4096)
  t.equal(target.toString(), 'shared', 'lanes of one volume see each other')
  await lane.close()
  await writer.close()
  await openFile(t, path, { readOnly: true })
  await openFile(t, path, { readOnly: true })
  await refused(t, path, {}, 'ERR_IMAGE_BUSY', /exported already/)
})

t.test('the lock holds against another process, and a child that was started meanwhile does not keep it', async (t) => {
  const path = imageOf(t)
  const backend = await openFile(t, path)
  t.equal(spawnSync('flock', ['--nonblock', path, 'true']).status, 1)
  const child = spawnSync('sh', ['-c', 'ls -l /proc/self/fd'], { encoding: 'utf8' })
  t.notMatch(child.stdout, path, 'the descriptor is closed on exec')
  await backend.close()
  t.equal(spawnSync('flock', ['--nonblock', path, 'true']).status, 0)
})

t.test('a file system without locks is used, and said to have none', async (t) => {
  const { lines, logger } = logged()
  await openFile(t, imageOf(t), { calls: fallbackCalls, logger })
  t.match(lines.join('\n'), /no locks \(ENOLCK\)/)
  t.match(lines.join('\n'), /no hole punching \(EOPNOTSUPP\)/)
})

t.test('a read-only image is not written, not probed for writing, and offers a read-only descriptor', async (t) => {
  const path = imageOf(t)
  chmodSync(path, 0o400)
  const backend = await openFile(t, path, { readOnly: true })
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
  const plain = await openFile(t, imageOf(t))
  t.match(plain.file, { directFd: -1, alignment: 1, memory: false })
  const path = imageOf(t)
  const direct = await openFile(t, path, { direct: true })
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
  const backend = await openFile(t, path, { size: mebibyte })
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
  const backend = await openFile(t, path)
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
  const backend = await openFile(t, alias)
  t.equal(backend.can.trim, true)
  t.equal(statSync(path).blocks, before)
  await backend.zero(0, 4096)
  t.ok(readFileSync(path).subarray(0, 4096).equals(Buffer.alloc(4096)), 'and zero works nevertheless')
  closeSync(Number(alias.split('/').at(-1)))
})
