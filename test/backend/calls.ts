/**
 * Stand-ins for the addon's file calls: a file system that can do nothing special, and one that fails on request.
 */
import { constants } from 'node:os'
import { errnoName } from '../../src/errors.js'
import { type FileCalls } from '../../src/backend/file-open.js'

/** What a failed system call of the addon throws. */
export const systemError = (errno: number, syscall: string): Error =>
  Object.assign(new Error(`${syscall}: ${errnoName(errno)}`), { errno, code: errnoName(errno), syscall })

const { EINVAL, ENOLCK, EOPNOTSUPP } = constants.errno

/** No locks, no fallocate, no SEEK_DATA: an old network file system. */
export const fallbackCalls: FileCalls = {
  lockFile: () => {
    throw systemError(ENOLCK, 'fcntl')
  },
  isMemory: () => false,
  directAlignment: () => 512,
  deviceSize: () => {
    throw systemError(constants.errno.ENOTTY, 'ioctl')
  },
  fallocate: () => Promise.reject(systemError(EOPNOTSUPP, 'fallocate')),
  seek: () => Promise.reject(systemError(EINVAL, 'lseek')),
}
