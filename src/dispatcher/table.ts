/**
 * One literal row per opcode: name, handler, size of the argument struct, and on which plane it runs.
 *
 * Decoding, length checks, tracing and dispatch all read the same row. The reason for each answer is in
 * docs/protocol.md, whose table a test compares with this one.
 */
import {
  accessIn,
  fallocateIn,
  flushIn,
  fsyncIn,
  getattrIn,
  lseekIn,
  openIn,
  opcode,
  readIn,
  releaseIn,
  setattrIn,
  statxIn,
  writeIn,
} from '../protocol/abi.js'
import type { Handler } from './context.js'
import { barrier, fallocate, flush, lseek, read, write } from './data.js'
import { ENOSYS, ENOTTY, EPERM } from './errno.js'
import { access, getattr, lookup, open, opendir, readdir, setattr, statfs, statx } from './namespace.js'

export interface Row {
  readonly name: string
  readonly handler: Handler
  /** Bytes the handler reads; a shorter message is answered EIO without calling it. */
  readonly argumentBytes: number
  /** `data` for what carries or moves the volume's bytes; traced apart from `control`. */
  readonly plane: 'control' | 'data'
}

const succeed: Handler = ({ request, answers }) => {
  answers.reply(request.slot, 0)
}

const refuse =
  (errno: number): Handler =>
  ({ request, answers }) => {
    answers.error(request.slot, errno)
  }

/** No answer: the kernel does not wait for one, and refuses one; not even to a message that is too short. */
const forget: Handler = ({ request, answers }) => {
  answers.release(request.slot)
}

const unknown = refuse(ENOSYS)
const fixedNames = refuse(EPERM)

const row = (name: string, handler: Handler, argumentBytes = 0, plane: Row['plane'] = 'control'): Row => ({
  name,
  handler,
  argumentBytes,
  plane,
})

export const rows: ReadonlyMap<number, Row> = new Map([
  [opcode.LOOKUP, row('LOOKUP', lookup)],
  [opcode.FORGET, row('FORGET', forget)],
  [opcode.GETATTR, row('GETATTR', getattr, getattrIn.bytes)],
  [opcode.SETATTR, row('SETATTR', setattr, setattrIn.bytes)],
  [opcode.READLINK, row('READLINK', unknown)],
  [opcode.SYMLINK, row('SYMLINK', fixedNames)],
  [opcode.MKNOD, row('MKNOD', fixedNames)],
  [opcode.MKDIR, row('MKDIR', fixedNames)],
  [opcode.UNLINK, row('UNLINK', fixedNames)],
  [opcode.RMDIR, row('RMDIR', fixedNames)],
  [opcode.RENAME, row('RENAME', fixedNames)],
  [opcode.LINK, row('LINK', fixedNames)],
  [opcode.OPEN, row('OPEN', open, openIn.bytes)],
  [opcode.READ, row('READ', read, readIn.bytes, 'data')],
  [opcode.WRITE, row('WRITE', write, writeIn.bytes, 'data')],
  [opcode.STATFS, row('STATFS', statfs)],
  [opcode.RELEASE, row('RELEASE', succeed, releaseIn.bytes)],
  [opcode.FSYNC, row('FSYNC', barrier, fsyncIn.bytes, 'data')],
  [opcode.SETXATTR, row('SETXATTR', unknown)],
  [opcode.GETXATTR, row('GETXATTR', unknown)],
  [opcode.LISTXATTR, row('LISTXATTR', unknown)],
  [opcode.REMOVEXATTR, row('REMOVEXATTR', unknown)],
  [opcode.FLUSH, row('FLUSH', flush, flushIn.bytes, 'data')],
  [opcode.INIT, row('INIT', unknown)],
  [opcode.OPENDIR, row('OPENDIR', opendir, openIn.bytes)],
  [opcode.READDIR, row('READDIR', readdir, readIn.bytes)],
  [opcode.RELEASEDIR, row('RELEASEDIR', succeed, releaseIn.bytes)],
  [opcode.FSYNCDIR, row('FSYNCDIR', succeed, fsyncIn.bytes)],
  [opcode.GETLK, row('GETLK', unknown)],
  [opcode.SETLK, row('SETLK', unknown)],
  [opcode.SETLKW, row('SETLKW', unknown)],
  [opcode.ACCESS, row('ACCESS', access, accessIn.bytes)],
  [opcode.CREATE, row('CREATE', fixedNames)],
  [opcode.INTERRUPT, row('INTERRUPT', forget)],
  [opcode.BMAP, row('BMAP', unknown)],
  [opcode.DESTROY, row('DESTROY', succeed)],
  [opcode.IOCTL, row('IOCTL', refuse(ENOTTY))],
  [opcode.POLL, row('POLL', unknown)],
  [opcode.NOTIFY_REPLY, row('NOTIFY_REPLY', forget)],
  [opcode.BATCH_FORGET, row('BATCH_FORGET', forget)],
  [opcode.FALLOCATE, row('FALLOCATE', fallocate, fallocateIn.bytes, 'data')],
  [opcode.READDIRPLUS, row('READDIRPLUS', unknown)],
  [opcode.RENAME2, row('RENAME2', fixedNames)],
  [opcode.LSEEK, row('LSEEK', lseek, lseekIn.bytes, 'data')],
  [opcode.COPY_FILE_RANGE, row('COPY_FILE_RANGE', unknown)],
  [opcode.SETUPMAPPING, row('SETUPMAPPING', unknown)],
  [opcode.REMOVEMAPPING, row('REMOVEMAPPING', unknown)],
  [opcode.SYNCFS, row('SYNCFS', barrier, 8, 'data')],
  [opcode.TMPFILE, row('TMPFILE', fixedNames)],
  [opcode.STATX, row('STATX', statx, statxIn.bytes)],
  [opcode.COPY_FILE_RANGE_64, row('COPY_FILE_RANGE_64', unknown)],
])

export const unknownRow: Row = row('UNKNOWN', unknown)
