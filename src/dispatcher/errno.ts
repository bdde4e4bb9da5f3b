/**
 * The one place where an exception becomes an errno.
 *
 * The daemon never stops because one request failed: whatever a backend throws is answered on that one request. What
 * carries no errno is EIO, and is logged, since the caller will only see "Input/output error".
 */
import { constants } from 'node:os'
import { errnoOf } from '../errors.js'
import type { Logger } from '../log.js'

export const {
  EACCES,
  EINVAL,
  EIO,
  ENODATA,
  ENOENT,
  ENOSPC,
  ENOSYS,
  ENOTDIR,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  EROFS,
  ENOTTY,
} = constants.errno

/** Above this the kernel refuses a reply (fs/fuse/dev.c: oh.error <= -512 is EINVAL). */
const largest = 511

/** A line that cannot be written, for instance because the log's disk is full, must not cost a request its answer. */
const say = (log: () => void): void => {
  try {
    log()
  } catch {
    // There is nowhere left to say it.
  }
}

export const toErrno = (error: unknown, operation: string, logger: Logger): number => {
  const errno = errnoOf(error)
  if (errno !== undefined && errno > 0 && errno <= largest) {
    say(() => {
      logger.debug({ operation, errno }, 'backend failed a request')
    })
    // The kernel takes ENOSYS for "never ask again", and calls every later FSYNC a success (fs/fuse/file.c, fuse_fsync).
    return errno === ENOSYS ? EIO : errno
  }
  const reason = error instanceof Error ? error.message : String(error)
  say(() => {
    logger.warn({ operation, reason }, 'backend threw something without an errno: answered EIO')
  })
  return EIO
}
