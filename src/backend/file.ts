/**
 * Blocks in a regular file or on a block device: byte N of the volume is byte N of the image.
 *
 * Most requests never come here. `file` offers the descriptor to the ring, which then moves payload between slot and
 * image by itself; the methods below serve what the ring cannot do: extents, unsupported ways to zero, and everything
 * when a layer stands in between. They use page-cache I/O: a Buffer has no known alignment.
 *
 * Descriptors, all owned by this backend, all closed by `close`:
 * - the image: I/O, fdatasync, fallocate, and the lock, which lives as long as it;
 * - with `direct`, one more open of the same inode with O_DIRECT for the ring;
 * - one more for lseek, because SEEK_DATA moves the file position, which an open file description shares.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { constants as os } from 'node:os'
import { resolve } from 'node:path'
import { errnoName, errnoOf, RingvolError } from '../errors.js'
import { type Logger, silentLogger } from '../log.js'
import { addon } from '../native/addon.js'
import { type Backend, type BackingFile, type Capabilities, type Extent, type Limit, limit } from './backend.js'
import { type FileCalls, type Image, type ImageOptions, openImage, removeImage } from './file-open.js'
import { fallocateMode, probeExtents, probeImage, whence } from './file-probe.js'
import { ImageWatch } from './image-watch.js'
import { readWhole, writeWhole } from './transfer.js'

export interface FileOptions extends ImageOptions {
  /** Also open with O_DIRECT, for the ring. Default false. */
  readonly direct?: boolean | undefined
  /** Called when `open` has made the image; `remove` takes it back, once the backend is closed, if nobody else has it. */
  readonly onCreated?: ((remove: () => Promise<void>) => void) | undefined
  readonly logger?: Logger | undefined
  /** Default: the addon. */
  readonly calls?: FileCalls | undefined
}

const { EINVAL, EIO, EOPNOTSUPP } = os.errno
/** Bytes of zeros written at a time where nothing better than writing them exists. */
const zeroPiece = 1024 * 1024
/** Extents in one answer; each costs two lseek calls, and an image may have millions. */
const extentsPerCall = 64

let zeros: Buffer | undefined

const nothing: Capabilities = { write: false, flush: false, trim: false, zero: false, extents: false, lanes: false }

export class FileBackend implements Backend {
  readonly name: string
  size = 0
  blockSize = 4096
  can = nothing
  file: BackingFile | undefined
  readonly #path: string
  readonly #options: FileOptions
  readonly #logger: Logger
  #image: Image | undefined
  #direct: FileHandle | undefined
  #seek: FileHandle | undefined
  /** Cleared by the first EOPNOTSUPP, so that it is asked once and said once. */
  #zeroRange = false
  /** Bytes; what fallocate asks ranges to be multiples of: the logical block size of a device. */
  fallocateUnit = 1
  #watch: ImageWatch | undefined

  constructor(path: string, options: FileOptions = {}) {
    this.name = `file:${path}`
    this.#path = path
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  /** Throws what `openImage` throws, and ERR_SYSTEM when `direct` is asked for and the file system refuses it. */
  async open(): Promise<void> {
    const calls = this.#calls
    const image = await openImage(this.#path, this.#options, calls, this.#logger)
    this.#image = image
    try {
      this.#direct = this.#options.direct === true ? await this.#openDirect(image) : undefined
      this.#seek = await open(`/proc/self/fd/${String(image.handle.fd)}`, constants.O_RDONLY)
      await this.#publish(image, calls)
    } catch (error) {
      await this.close().catch(() => undefined) // what went wrong first is what the caller must hear
      if (image.created) await this.#takeBack(image)
      throw error
    }
    if (image.created) this.#options.onCreated?.(() => this.#takeBack(image))
  }

  #takeBack({ stats }: Image): Promise<void> {
    return removeImage(this.#path, stats, this.#calls)
  }

  async #publish(image: Image, calls: FileCalls): Promise<void> {
    const write = this.#options.readOnly !== true
    const abilities = write ? await probeImage(this.#path, image, calls) : undefined
    const trim = abilities?.punchHole === true
    for (const missing of abilities?.missing ?? []) this.#logger.info(`${this.name}: ${missing}`)
    const extents = this.#seek !== undefined && (await probeExtents(this.#seek.fd, calls))
    const { fd } = image.handle
    this.size = image.size
    this.blockSize = blockSizeOf(image.stats.blksize)
    // Zeros can always be written, so `zero` needs no probe; only its cheapest way does.
    this.can = { write, flush: write, trim, zero: write, extents, lanes: true }
    this.#zeroRange = abilities?.zeroRange === true
    this.fallocateUnit = image.device ? calls.directAlignment(fd) : 1
    if (!image.device) {
      const { name, size } = this
      const watched = { name, path: resolve(this.#path), handle: image.handle, opened: image.stats, size, write }
      this.#watch = new ImageWatch(watched, this.#logger)
    }
    this.file = {
      fd,
      directFd: this.#direct?.fd ?? -1,
      alignment: this.#direct === undefined ? 1 : calls.directAlignment(this.#direct.fd),
      memory: !image.device && calls.isMemory(fd),
      limits: this.#watch?.limits,
    }
  }

  /** Through /proc, so that it is the inode that is locked even if the path names another by now. */
  async #openDirect(image: Image): Promise<FileHandle> {
    const access = this.#options.readOnly === true ? constants.O_RDONLY : constants.O_RDWR
    try {
      return await open(`/proc/self/fd/${String(image.handle.fd)}`, access | constants.O_DIRECT)
    } catch (cause) {
      const errno = errnoOf(cause) ?? EINVAL
      throw new RingvolError('ERR_SYSTEM', `cannot open ${this.#path} with O_DIRECT: ${errnoName(errno)}`, {
        path: this.#path,
        errno,
        syscall: 'open',
        advice: 'leave out --direct',
        cause,
      })
    }
  }

  get changed(): boolean {
    return this.#watch?.changed === true
  }

  read(target: Buffer, offset: number): void | Promise<void> {
    this.#check(limit.read, offset, target.length)
    const failed = (at: number, length: number, cause: unknown): never => {
      if (cause === undefined) throw this.#changed(limit.read)
      return this.#fail('read', at, length, cause)
    }
    return readWhole({ fd: this.#opened.handle.fd, buffer: target, offset, failed }, this.#memory)
  }

  write(source: Buffer, offset: number): void | Promise<void> {
    this.#check(limit.write, offset, source.length)
    const failed = (at: number, length: number, cause: unknown): never => this.#fail('write', at, length, cause)
    return writeWhole({ fd: this.#opened.handle.fd, buffer: source, offset, failed }, this.#memory)
  }

  /** fdatasync covers what was written through any descriptor of the inode, the ring's O_DIRECT one included. */
  async flush(): Promise<void> {
    await this.#watch?.look() // the last flush must not succeed for want of a look
    this.#check(limit.flush, 0, this.size)
    await this.#opened.handle.datasync().catch((error: unknown) => this.#fail('flush', 0, this.size, error))
  }

  /** On a block device only whole logical blocks can be punched; the edges are written with zeros. */
  async trim(offset: number, length: number): Promise<void> {
    await this.#aligned('trim', fallocateMode.punchHole, offset, length)
  }

  /** Zero-range keeps the space; where there is none, a hole, which reads the same; else zeros are written. */
  async zero(offset: number, length: number): Promise<void> {
    if (this.#zeroRange) {
      try {
        await this.#aligned('zero', fallocateMode.zeroRange, offset, length)
        return
      } catch (error) {
        if (errnoOf(error) !== EOPNOTSUPP) throw error
        this.#zeroRange = false
        this.#logger.info(`${this.name}: no zero-range after all (EOPNOTSUPP)`)
      }
    }
    if (this.can.trim) {
      try {
        await this.#aligned('zero', fallocateMode.punchHole, offset, length)
        return
      } catch (error) {
        if (errnoOf(error) !== EOPNOTSUPP) throw error
      }
    }
    await this.#writeZeros(offset, length)
  }

  /** A block device has all its space already. Throws EOPNOTSUPP where the file system reserves nothing. */
  async allocate(offset: number, length: number): Promise<void> {
    if (!this.#opened.device) await this.#fallocate('allocate', fallocateMode.keepSize, offset, length)
  }

  async extents(offset: number, length: number): Promise<Extent[]> {
    const end = offset + length
    const extents: Extent[] = []
    for (let position = offset; position < end && extents.length < extentsPerCall;) {
      const data = await this.#seekTo(whence.data, position, end)
      if (data > position) extents.push({ offset: position, length: data - position, kind: 'hole' })
      if (data === end) break
      position = Math.max(await this.#seekTo(whence.hole, data, end), data + 1)
      extents.push({ offset: data, length: position - data, kind: 'data' })
    }
    return extents
  }

  async allocated(): Promise<number> {
    const { handle, device } = this.#opened
    // st_blocks counts units of 512 bytes whatever the block size is (stat(2)); a device's says nothing.
    return device ? this.size : (await handle.stat()).blocks * 512
  }

  async close(): Promise<void> {
    await this.#watch?.stop()
    const handles = [this.#seek, this.#direct, this.#image?.handle].filter((handle) => handle !== undefined)
    this.#seek = this.#direct = this.#image = this.file = undefined
    // All of them, whatever the one before said: close(2) frees a descriptor also when it fails, and the lock must go.
    const ended = await Promise.allSettled(handles.map((handle) => handle.close()))
    for (const end of ended) if (end.status === 'rejected') throw end.reason
  }

  get #calls(): FileCalls {
    return this.#options.calls ?? addon()
  }

  get #memory(): boolean {
    return this.file?.memory === true
  }

  get #opened(): Image {
    if (this.#image !== undefined) return this.#image
    throw new RingvolError('ERR_CLOSED', `${this.name}: it is not open`, { errno: EIO })
  }

  async #aligned(operation: string, mode: number, offset: number, length: number): Promise<void> {
    const unit = this.fallocateUnit
    const start = Math.ceil(offset / unit) * unit
    const end = Math.floor((offset + length) / unit) * unit
    if (start >= end) {
      await this.#writeZeros(offset, length)
      return
    }
    if (start > offset) await this.#writeZeros(offset, start - offset)
    await this.#fallocate(operation, mode, start, end - start)
    if (offset + length > end) await this.#writeZeros(end, offset + length - end)
  }

  async #fallocate(operation: string, mode: number, offset: number, length: number): Promise<void> {
    this.#check(limit.write, offset, length)
    await this.#calls
      .fallocate(this.#opened.handle.fd, mode, offset, length)
      .catch((error: unknown) => this.#fail(operation, offset, length, error))
  }

  async #writeZeros(offset: number, length: number): Promise<void> {
    zeros ??= Buffer.alloc(zeroPiece)
    for (let done = 0; done < length; done += zeroPiece) {
      await this.write(zeros.subarray(0, Math.min(zeroPiece, length - done)), offset + done)
    }
  }

  /**
   * Where the next data or hole begins, `end` at most. What a truncated image has lost counts as data, so that it is
   * read and fails, where a hole would be copied as zeros.
   */
  async #seekTo(what: number, position: number, end: number): Promise<number> {
    const failed = (error: unknown): never => this.#fail('extents', position, end - position, error)
    const found = await this.#calls.seek(this.#seek?.fd ?? -1, position, what).catch(failed)
    if (found >= 0) return Math.min(found, end)
    if (what === whence.hole) return end
    const { size } = await this.#opened.handle.stat().catch(failed)
    return Math.min(Math.max(position, size), end)
  }

  #fail(operation: string, offset: number, length: number, cause: unknown): never {
    const errno = errnoOf(cause) ?? EIO
    const what = `${operation} of ${String(length)} bytes at ${String(offset)}`
    throw new RingvolError('ERR_SYSTEM', `${this.name}: ${what} failed: ${errnoName(errno)}`, {
      errno,
      path: this.#path,
      syscall: operation,
      cause,
    })
  }

  #check(kind: Limit, offset: number, length: number): void {
    if (offset + length > (this.#watch?.limits[kind] ?? Infinity)) throw this.#changed(kind)
  }

  /** Zeros for what was cut off would say that nothing had been there. */
  #changed(kind: Limit): RingvolError {
    void this.#watch?.look()
    const what = this.#watch?.why(kind) ?? 'it was cut short'
    const message = `${this.name}: the image was changed while it is exported: ${what}`
    return new RingvolError('ERR_BACKEND', message, { errno: EIO, path: this.#path })
  }
}

/** st_blksize as a discard granularity: tmpfs with huge pages says 2 MiB, network file systems anything. */
const blockSizeOf = (blksize: number): number => 2 ** Math.floor(Math.log2(Math.min(Math.max(blksize, 512), 64 * 1024)))
