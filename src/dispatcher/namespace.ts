/**
 * The names: a directory with one file, `volume`, that can be neither removed nor joined by others.
 *
 * Truncating is the delicate part. open(O_TRUNC) arrives as "set size 0" without a file handle, and `dd of=volume` or a
 * shell's `>` do that without meaning harm: it succeeds and the size stays. Any other change of size is EPERM.
 */
import {
  accessIn,
  dirent,
  inHeader,
  openIn,
  openOut,
  readIn,
  setattrIn,
  setattrValid,
  statfsOut,
} from '../protocol/abi.js'
import { rootInode, volumeInode } from './attributes.js'
import type { Context, Handler } from './context.js'
import { EIO, ENOENT, ENOTDIR, EPERM, EROFS } from './errno.js'

export const volumeName = 'volume'

/** Calls `reply` with the bytes that the inode takes where it is stored. */
const withAllocated = (context: Context, inode: number, reply: (slot: number, allocated: number) => void): void => {
  const { backend } = context
  const allocated = inode === rootInode ? 0 : (backend.allocated?.() ?? backend.size)
  context.whenDone('GETATTR', allocated, reply)
}

export const lookup: Handler = (context) => {
  const { request, answers, attributes } = context
  const name = request.name(0)
  if (name === undefined) {
    answers.error(request.slot, EIO)
  } else if (request.nodeid !== rootInode) {
    answers.error(request.slot, ENOTDIR)
  } else if (name !== volumeName) {
    answers.error(request.slot, ENOENT)
  } else {
    withAllocated(context, volumeInode, (slot, allocated) => {
      answers.reply(slot, attributes.putEntry(request.moveTo(slot), volumeInode, allocated))
    })
  }
}

export const getattr: Handler = (context) => {
  const { request, answers, attributes } = context
  const inode = request.nodeid
  withAllocated(context, inode, (slot, allocated) => {
    answers.reply(slot, attributes.putAttributes(request.moveTo(slot), inode, allocated))
  })
}

export const statx: Handler = (context) => {
  const { request, answers, attributes } = context
  const inode = request.nodeid
  withAllocated(context, inode, (slot, allocated) => {
    answers.reply(slot, attributes.putStatx(request.moveTo(slot), inode, allocated))
  })
}

const permissionBits = 0o7777

/** What of a SETATTR applies to the mode, the owner and the times. */
const applyAttributes = ({ request, attributes }: Context, valid: number): void => {
  const now = Date.now()
  const time = (seconds: number, nanoseconds: number): number =>
    request.i64(seconds) * 1000 + request.u32(nanoseconds) / 1e6
  if ((valid & setattrValid.mode) !== 0) attributes.set('mode', request.u32(setattrIn.mode) & permissionBits)
  if ((valid & setattrValid.uid) !== 0) attributes.set('uid', request.u32(setattrIn.uid))
  if ((valid & setattrValid.gid) !== 0) attributes.set('gid', request.u32(setattrIn.gid))
  if ((valid & setattrValid.atimeNow) !== 0) attributes.set('atime', now)
  else if ((valid & setattrValid.atime) !== 0) attributes.set('atime', time(setattrIn.atime, setattrIn.atimensec))
  if ((valid & setattrValid.mtimeNow) !== 0) attributes.set('mtime', now)
  else if ((valid & setattrValid.mtime) !== 0) attributes.set('mtime', time(setattrIn.mtime, setattrIn.mtimensec))
  attributes.set('ctime', now)
}

export const setattr: Handler = (context) => {
  const { request, answers, backend } = context
  const valid = request.u32(setattrIn.valid)
  const size = request.u64(setattrIn.size)
  const isOpenTruncate = size === 0 && (valid & setattrValid.fh) === 0
  if (request.nodeid === rootInode) {
    answers.error(request.slot, EPERM)
  } else if ((valid & setattrValid.size) !== 0 && size !== backend.size && !isOpenTruncate) {
    answers.error(request.slot, EPERM)
  } else {
    applyAttributes(context, valid)
    getattr(context)
  }
}

const accessMode = 3

const replyOpen = ({ request, answers }: Context, flags: number, backingId = 0): void => {
  request.clearReply(openOut.bytes).put32(openOut.open_flags, flags)
  request.put32(openOut.backing_id, backingId)
  answers.reply(request.slot, openOut.bytes)
}

export const open: Handler = (context) => {
  if (context.readOnly && (context.request.u32(openIn.flags) & accessMode) !== 0) {
    context.answers.error(context.request.slot, EROFS)
  } else {
    const { flags, backingId } = context.passthrough.openFor(context.request.header(inHeader.pid))
    replyOpen(context, flags, backingId)
  }
}

export const opendir: Handler = (context) => {
  if (context.request.nodeid === rootInode) replyOpen(context, 0)
  else context.answers.error(context.request.slot, ENOTDIR)
}

const DT_DIR = 4
const DT_REG = 8
const directory = [
  { name: '.', inode: rootInode, type: DT_DIR },
  { name: '..', inode: rootInode, type: DT_DIR },
  { name: volumeName, inode: volumeInode, type: DT_REG },
] as const

/** The entries from the wanted position on, as many as fit. */
export const readdir: Handler = ({ request, answers, maxPayload }) => {
  const room = Math.min(request.u32(readIn.size), maxPayload)
  const first = request.u64(readIn.offset)
  let total = 0
  for (const [position, { name, inode, type }] of directory.entries()) {
    const size = Math.ceil((dirent.bytes + Buffer.byteLength(name)) / 8) * 8
    if (position < first) continue
    if (total + size > room) break
    request.clearReply(size, total)
    request.put64(total + dirent.ino, inode)
    request.put64(total + dirent.off, position + 1)
    request.put32(total + dirent.namelen, Buffer.byteLength(name))
    request.put32(total + dirent.type, type)
    request.putText(total + dirent.bytes, name)
    total += size
  }
  answers.reply(request.slot, total)
}

/** bsize is what the loop driver takes as the discard granularity; without a successful STATFS it offers no discard. */
export const statfs: Handler = ({ request, answers, backend }) => {
  const { blockSize } = backend
  request.clearReply(statfsOut.bytes)
  request.put64(statfsOut.blocks, Math.floor(backend.size / blockSize))
  request.put64(statfsOut.files, 2)
  request.put32(statfsOut.bsize, blockSize)
  request.put32(statfsOut.frsize, blockSize)
  request.put32(statfsOut.namelen, 255)
  answers.reply(request.slot, statfsOut.bytes)
}

const mayWrite = 2

export const access: Handler = (context) => {
  const { request, answers } = context
  if (context.readOnly && (request.u32(accessIn.mask) & mayWrite) !== 0) answers.error(request.slot, EROFS)
  else answers.reply(request.slot, 0)
}
