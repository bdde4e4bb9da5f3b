/**
 * From a path to an open, locked image of a known size, or to one clear error with nothing left behind.
 *
 * The order matters: look at the type before opening (opening a FIFO would wait for its writer for ever), create with
 * O_EXCL (never adopt a file that appeared meanwhile), lock before anything is changed. Node opens every descriptor
 * O_CLOEXEC, so no child process keeps the lock alive.
 */
import { constants, type Stats } from 'node:fs'
import { access, type FileHandle, open, stat, unlink } from 'node:fs/promises'
import { constants as os } from 'node:os'
import { dirname } from 'node:path'
import { errnoName, errnoOf, RingvolError } from '../errors.js'
import { type Logger, silentLogger } from '../log.js'
import { type Addon } from '../native/addon.js'
import { formatSize } from '../units.js'
import { isReadOnlyDevice } from './block-device.js'

/** What the file backend asks of the addon: the calls Node has no name for. */
export type FileCalls = Pick<Addon, 'lockFile' | 'isMemory' | 'directAlignment' | 'deviceSize' | 'fallocate' | 'seek'>

export interface ImageOptions {
  /** Open for reading only, lock shared. Default false. */
  readonly readOnly?: boolean | undefined
  /** Bytes, a multiple of 512. Creates the image, sparse, if it is missing; an existing one must have this size. */
  readonly size?: number | undefined
  /** Default true. false: another backend of this process holds the lock already (a lane), or nothing will be written. */
  readonly lock?: boolean | undefined
}

export interface Image {
  readonly handle: FileHandle
  readonly stats: Stats
  /** A block device; else a regular file. */
  readonly device: boolean
  /** Bytes. */
  readonly size: number
  /** By us, just now: to be removed again if a later step of opening fails. */
  readonly created: boolean
}

const { EACCES, EAGAIN, EBUSY, EEXIST, ENOENT, ENOLCK, ENOSYS, ENOTDIR, EOPNOTSUPP, EPERM, EROFS, ETXTBSY } = os.errno

/** Throws ERR_IMAGE_MISSING, ERR_IMAGE_TYPE, ERR_IMAGE_SIZE, ERR_IMAGE_READ_ONLY, ERR_IMAGE_BUSY, ERR_IMAGE_FULL, ERR_SYSTEM. */
export const openImage = async (
  path: string,
  options: ImageOptions,
  calls: FileCalls,
  logger: Logger,
): Promise<Image> => {
  if (options.size !== undefined) checkSize(path, options.size, 'asked for')
  const found = await findImage(path)
  if (found === undefined) return createImage(path, options, calls, logger)
  checkType(path, found)
  const device = found.isBlockDevice()
  const handle = await openHandle(path, device, options)
  try {
    const stats = await handle.stat()
    checkType(path, stats)
    if (device && options.readOnly !== true) await checkDeviceWritable(path, stats)
    if (options.lock !== false) lockImage(path, handle.fd, options.readOnly !== true, calls, logger)
    const size = device ? calls.deviceSize(handle.fd) : stats.size
    checkSize(path, size, 'its size')
    checkExpected(path, size, options.size)
    return { handle, stats, device, size, created: false }
  } catch (error) {
    await handle.close().catch(() => undefined)
    throw error
  }
}

/**
 * Takes back what `createImage` made, after its lock was given back: not if the path names another file by now, or if
 * somebody else has locked the image. Never rejects.
 */
export const removeImage = async (path: string, { dev, ino }: Stats, calls: FileCalls): Promise<void> => {
  const handle = await open(path, constants.O_RDWR | constants.O_NOFOLLOW).catch(() => undefined)
  if (handle === undefined) return
  try {
    const found = await handle.stat()
    if (found.dev !== dev || found.ino !== ino) return
    lockImage(path, handle.fd, true, calls, silentLogger)
    await unlink(path)
  } catch {
    // Somebody has it, or it cannot be removed: it stays.
  } finally {
    await handle.close().catch(() => undefined)
  }
}

const findImage = async (path: string): Promise<Stats | undefined> => {
  try {
    return await stat(path)
  } catch (error) {
    if (errnoOf(error) === ENOENT) return undefined
    throw await imageError(path, error, true)
  }
}

const createImage = async (
  path: string,
  { size, readOnly, lock }: ImageOptions,
  calls: FileCalls,
  logger: Logger,
): Promise<Image> => {
  if (size === undefined || readOnly === true) {
    const advice = readOnly === true ? 'a read-only volume needs an existing image' : 'give --size to create it'
    throw new RingvolError('ERR_IMAGE_MISSING', `there is no image ${path}`, { path, errno: ENOENT, advice })
  }
  let handle: FileHandle | undefined
  try {
    handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)
    if (lock !== false) lockImage(path, handle.fd, true, calls, logger)
    await handle.truncate(size)
    await syncDirectory(path)
    return { handle, stats: await handle.stat(), device: false, size, created: true }
  } catch (error) {
    if (handle !== undefined) {
      await unlink(path).catch(() => undefined) // before close, so that the lock still covers the name
      await handle.close().catch(() => undefined)
    }
    throw await creationError(path, size, error)
  }
}

/** Without this a power cut can take the name of an image whose blocks were flushed. */
const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

const creationError = async (path: string, size: number, error: unknown): Promise<RingvolError> => {
  const details = { path, errno: errnoOf(error) ?? 0, cause: error }
  const failed = `cannot create the image ${path} of ${formatSize(size)}`
  switch (details.errno) {
    case EEXIST:
      return new RingvolError('ERR_IMAGE_BUSY', `${failed}: somebody else just did`, details)
    case ENOENT:
      return new RingvolError('ERR_IMAGE_MISSING', `${failed}: there is no directory ${dirname(path)}`, {
        ...details,
        advice: 'create the directory first',
      })
    case os.errno.ENOSPC:
    case os.errno.EDQUOT:
    case os.errno.EFBIG:
      return new RingvolError('ERR_IMAGE_FULL', `${failed}: ${errnoName(details.errno)}`, {
        ...details,
        advice: 'choose a smaller size or another file system',
      })
    default:
      return error instanceof RingvolError ? error : imageError(path, error, true, failed)
  }
}

/** A block device that is to be written is claimed with O_EXCL: the kernel then refuses it if it is mounted, and mounts. */
const openHandle = async (path: string, device: boolean, { readOnly, lock }: ImageOptions): Promise<FileHandle> => {
  const claim = device && lock !== false ? constants.O_EXCL : 0
  try {
    return await open(path, readOnly === true ? constants.O_RDONLY : constants.O_RDWR | claim)
  } catch (error) {
    throw await imageError(path, error, readOnly === true)
  }
}

const imageError = async (
  path: string,
  error: unknown,
  readOnly: boolean,
  failed = `cannot open the image ${path}`,
): Promise<RingvolError> => {
  const errno = errnoOf(error) ?? 0
  const details = { path, errno, syscall: 'open', cause: error }
  const reason = `${failed}: ${errnoName(errno)}`
  if (errno === ENOENT || errno === ENOTDIR) return new RingvolError('ERR_IMAGE_MISSING', reason, details)
  if (errno === EBUSY || errno === ETXTBSY) {
    const advice = 'it is mounted, swapped to, or held by another device: lsblk and fuser show by what'
    return new RingvolError('ERR_IMAGE_BUSY', reason, { ...details, advice })
  }
  if (!readOnly && (errno === EACCES || errno === EROFS || errno === EPERM)) {
    const readable = await access(path, constants.R_OK).then(
      () => true,
      () => false,
    )
    if (readable) {
      const advice = 'give --read-only to export it unchanged'
      return new RingvolError('ERR_IMAGE_READ_ONLY', `${reason}, it may be read but not written`, {
        ...details,
        advice,
      })
    }
  }
  const advice = errno === EACCES ? 'run as its owner or as root' : undefined
  return new RingvolError('ERR_SYSTEM', reason, advice === undefined ? details : { ...details, advice })
}

const checkDeviceWritable = async (path: string, stats: Stats): Promise<void> => {
  if (!(await isReadOnlyDevice(stats.rdev))) return
  throw new RingvolError('ERR_IMAGE_READ_ONLY', `the block device ${path} is switched to read-only`, {
    path,
    errno: EROFS,
    advice: 'give --read-only to export it unchanged',
  })
}

const checkType = (path: string, stats: Stats): void => {
  if (stats.isFile() || stats.isBlockDevice()) return
  const type = stats.isDirectory()
    ? 'directory'
    : stats.isCharacterDevice()
      ? 'character device'
      : stats.isFIFO()
        ? 'named pipe'
        : 'socket'
  throw new RingvolError('ERR_IMAGE_TYPE', `the image ${path} is a ${type}`, {
    path,
    advice: 'an image is a regular file or a block device',
  })
}

const checkSize = (path: string, size: number, what: string): void => {
  if (Number.isSafeInteger(size) && size > 0 && size % 512 === 0) return
  const advice =
    size > 512 && what === 'its size'
      ? `truncate --size=${String(Math.ceil(size / 512) * 512)} makes it one`
      : 'such as 64M or 10G'
  throw new RingvolError(
    'ERR_IMAGE_SIZE',
    `the image ${path} cannot be a volume: ${what}, ${String(size)} bytes, is no positive multiple of 512`,
    { path, advice },
  )
}

const checkExpected = (path: string, size: number, expected: number | undefined): void => {
  if (expected === undefined || expected === size) return
  throw new RingvolError(
    'ERR_IMAGE_SIZE',
    `the image ${path} exists and has ${formatSize(size)} (${String(size)} bytes), not ${formatSize(expected)}`,
    { path, advice: 'leave out --size to take it as it is' },
  )
}

const lockImage = (path: string, fd: number, exclusive: boolean, calls: FileCalls, logger: Logger): void => {
  try {
    calls.lockFile(fd, exclusive)
  } catch (error) {
    const errno = errnoOf(error) ?? 0
    const details = { path, errno, syscall: 'flock', cause: error }
    if (errno === EAGAIN || errno === EACCES) {
      throw new RingvolError('ERR_IMAGE_BUSY', `the image ${path} is exported already or locked by another program`, {
        ...details,
        advice: '`ringvol list` shows the volumes of this machine',
      })
    }
    if (errno !== ENOLCK && errno !== EOPNOTSUPP && errno !== ENOSYS) {
      throw new RingvolError('ERR_SYSTEM', `cannot lock the image ${path}: ${errnoName(errno)}`, details)
    }
    logger.warn(`${path}: its file system has no locks (${errnoName(errno)}): nothing stops a second export`)
  }
}
