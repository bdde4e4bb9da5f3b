/**
 * What can be done with an image besides reading and writing it, found out without touching a byte of it.
 *
 * fallocate is tried on an unnamed temporary file (O_TMPFILE) beside the image: same file system, so same answer, and
 * there it may be seen whether holes read as zeros. Where there is no such file (read-only directory, NFS, an image
 * bind-mounted from elsewhere) a hole is punched behind the end of the image, which changes nothing but says whether
 * the call exists; zero-range has no harmless form there (it would allocate), so it stays off and `zero` finds
 * another way. Block devices answer in sysfs.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoName, errnoOf } from '../errors.js'
import { writeZeroesLimit } from './block-device.js'
import { type FileCalls, type Image } from './file-open.js'

/** Mode bits of fallocate(2), from linux/falloc.h. */
export const fallocateMode = { keepSize: 1, punchHole: 2 | 1, zeroRange: 16 | 1 } as const
/** linux/fs.h */
export const whence = { data: 3, hole: 4 } as const
/** From linux/fcntl.h, where it includes O_DIRECTORY; Node has no name for it. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY

export interface ImageAbilities {
  readonly punchHole: boolean
  readonly zeroRange: boolean
  /** What is off, why, and what that means, one phrase each, for the log. */
  readonly missing: readonly string[]
}

type Outcome = true | string

export const probeImage = async (path: string, image: Image, calls: FileCalls): Promise<ImageAbilities> => {
  const { punchHole, zeroRange } = image.device
    ? await probeDevice(image)
    : ((await probeBeside(path, image, calls)) ?? (await probeBehindEnd(image, calls)))
  const missing: string[] = []
  if (punchHole !== true) missing.push(`no hole punching (${punchHole}): trim is off`)
  if (zeroRange !== true) {
    missing.push(`no zero-range (${zeroRange}): zeroes by ${punchHole === true ? 'punching holes' : 'writing zeros'}`)
  }
  return { punchHole: punchHole === true, zeroRange: zeroRange === true, missing }
}

/** true if SEEK_DATA says anything sensible; `fd` is one whose file position nobody uses. */
export const probeExtents = async (fd: number, calls: FileCalls): Promise<boolean> => {
  try {
    await calls.seek(fd, 0, whence.data)
    return true
  } catch {
    return false
  }
}

const blockBytes = 4096

const probeBeside = async (
  path: string,
  image: Image,
  calls: FileCalls,
): Promise<{ punchHole: Outcome; zeroRange: Outcome } | undefined> => {
  let temporary: FileHandle
  try {
    temporary = await open(dirname(path), O_TMPFILE | constants.O_RDWR, 0o600)
  } catch {
    return undefined
  }
  try {
    if ((await temporary.stat()).dev !== image.stats.dev) return undefined
    return {
      punchHole: await tryToZero(temporary, fallocateMode.punchHole, calls),
      zeroRange: await tryToZero(temporary, fallocateMode.zeroRange, calls),
    }
  } catch {
    // The disk is full, say: nothing was found out here.
    return undefined
  } finally {
    await temporary.close()
  }
}

const tryToZero = async (file: FileHandle, mode: number, calls: FileCalls): Promise<Outcome> => {
  const block = Buffer.alloc(blockBytes, 0xff)
  await file.write(block, 0, blockBytes, 0)
  const outcome = await attempt(calls.fallocate(file.fd, mode, 0, blockBytes))
  if (outcome !== true) return outcome
  const { bytesRead } = await file.read(block, 0, blockBytes, 0)
  return bytesRead === blockBytes && block.every((byte) => byte === 0) ? true : 'the range does not read as zeros'
}

const probeBehindEnd = async (image: Image, calls: FileCalls): Promise<{ punchHole: Outcome; zeroRange: Outcome }> => ({
  punchHole: await attempt(calls.fallocate(image.handle.fd, fallocateMode.punchHole, image.size, blockBytes)),
  zeroRange: 'not to be tried without harm here',
})

/**
 * fallocate on a block device zeroes by REQ_OP_WRITE_ZEROES; to punch a hole the device must have that, zero-range
 * falls back to writing zeros in the kernel (block/fops.c, blkdev_fallocate).
 */
const probeDevice = async (image: Image): Promise<{ punchHole: Outcome; zeroRange: Outcome }> => {
  const limit = await writeZeroesLimit(image.stats.rdev)
  return { punchHole: limit !== undefined && limit > 0 ? true : 'the device has no write-zeroes', zeroRange: true }
}

const attempt = async (call: Promise<void>): Promise<Outcome> => {
  try {
    await call
    return true
  } catch (error) {
    const errno = errnoOf(error)
    return errno === undefined ? String(error) : errnoName(errno)
  }
}
