/**
 * What stat(2) shows of the two inodes: the root directory and `volume`.
 *
 * The numbers lie in shared memory, so that chmod on one lane is seen by stat on another. Size comes from the backend
 * and is not settable here. Times are kept in memory only: the image's own times are its file system's business.
 */
import { attr, attrOut, entryOut, statx, statxOut, sxTime } from '../protocol/abi.js'
import type { SlotCursor } from '../protocol/slots.js'

/** FUSE_ROOT_ID, and the one file in it. */
export const rootInode = 1
export const volumeInode = 2
/** Seconds for which the kernel may keep the name and the root's attributes; they never change. */
const nameValid = 3600

const S_IFDIR = 0o040000
const S_IFREG = 0o100000
/** STATX_BASIC_STATS of statx(2). */
const statxBasic = 0x7ff

const index = { mode: 0, uid: 1, gid: 2, atime: 3, mtime: 4, ctime: 5, written: 6 } as const
type Field = keyof typeof index

/** What is left of a time after whole seconds, which are rounded down: before 1970 they are negative and this is not. */
const nanoseconds = (milliseconds: number): number =>
  Math.round((milliseconds - Math.floor(milliseconds / 1000) * 1000) * 1e6)

export const newAttributes = (mode: number, uid: number, gid: number): SharedArrayBuffer => {
  const memory = new SharedArrayBuffer(Object.keys(index).length * Float64Array.BYTES_PER_ELEMENT)
  const now = Date.now()
  new Float64Array(memory).set([mode, uid, gid, now, now, now, 0])
  return memory
}

export class Attributes {
  readonly #numbers: Float64Array
  readonly size: number
  readonly #blockSize: number
  readonly #root: { uid: number; gid: number; mode: number }

  constructor(memory: SharedArrayBuffer, size: number, blockSize: number) {
    this.#numbers = new Float64Array(memory)
    this.size = size
    this.#blockSize = blockSize
    this.#root = {
      uid: this.get('uid'),
      gid: this.get('gid'),
      mode: this.get('mode') | ((this.get('mode') & 0o444) >> 2),
    }
  }

  get(field: Field): number {
    return this.#numbers[index[field]] as number
  }

  /** Times in milliseconds since 1970. */
  set(field: Field, value: number): void {
    this.#numbers[index[field]] = value
  }

  /** Called for every WRITE, so it only leaves a mark; the clock is read when somebody asks. */
  markWritten(): void {
    this.#numbers[index.written] = 1
  }

  #settleTimes(): void {
    if (this.get('written') === 0) return
    this.set('written', 0)
    const now = Date.now()
    this.set('mtime', now)
    this.set('ctime', now)
  }

  #mode(inode: number): number {
    return inode === rootInode ? S_IFDIR | this.#root.mode : S_IFREG | this.get('mode')
  }

  /** struct fuse_attr at byte `at` of the reply. `allocated`: bytes the volume takes. */
  #putAttr(out: SlotCursor, at: number, inode: number, allocated: number): void {
    this.#settleTimes()
    const isRoot = inode === rootInode
    out.put64(at + attr.ino, inode)
    out.put64(at + attr.size, isRoot ? 0 : this.size)
    out.put64(at + attr.blocks, isRoot ? 0 : Math.ceil(allocated / 512))
    for (const time of ['atime', 'mtime', 'ctime'] as const) {
      const milliseconds = this.get(time)
      out.put64(at + attr[time], Math.floor(milliseconds / 1000))
      out.put32(at + attr[`${time}nsec`], nanoseconds(milliseconds))
    }
    out.put32(at + attr.mode, this.#mode(inode))
    out.put32(at + attr.nlink, isRoot ? 2 : 1)
    out.put32(at + attr.uid, isRoot ? this.#root.uid : this.get('uid'))
    out.put32(at + attr.gid, isRoot ? this.#root.gid : this.get('gid'))
    out.put32(at + attr.blksize, this.#blockSize)
  }

  /** Reply body of LOOKUP; its size in bytes. */
  putEntry(out: SlotCursor, inode: number, allocated: number): number {
    out.clearReply(entryOut.bytes)
    out.put64(entryOut.nodeid, inode)
    out.put64(entryOut.generation, 1)
    out.put64(entryOut.entry_valid, nameValid)
    this.#putAttr(out, entryOut.attr, inode, allocated)
    return entryOut.bytes
  }

  /** Reply body of GETATTR and SETATTR. The attributes of `volume` are not cached: its blocks change under the kernel. */
  putAttributes(out: SlotCursor, inode: number, allocated: number): number {
    out.clearReply(attrOut.bytes)
    out.put64(attrOut.attr_valid, inode === rootInode ? nameValid : 0)
    this.#putAttr(out, attrOut.attr, inode, allocated)
    return attrOut.bytes
  }

  /** Reply body of STATX. */
  putStatx(out: SlotCursor, inode: number, allocated: number): number {
    this.#settleTimes()
    out.clearReply(statxOut.bytes)
    const isRoot = inode === rootInode
    const at = statxOut.stat
    out.put32(at + statx.mask, statxBasic)
    out.put32(at + statx.blksize, this.#blockSize)
    out.put32(at + statx.nlink, isRoot ? 2 : 1)
    out.put32(at + statx.uid, isRoot ? this.#root.uid : this.get('uid'))
    out.put32(at + statx.gid, isRoot ? this.#root.gid : this.get('gid'))
    out.put16(at + statx.mode, this.#mode(inode))
    out.put64(at + statx.ino, inode)
    out.put64(at + statx.size, isRoot ? 0 : this.size)
    out.put64(at + statx.blocks, isRoot ? 0 : Math.ceil(allocated / 512))
    for (const time of ['atime', 'mtime', 'ctime'] as const) {
      const milliseconds = this.get(time)
      out.put64(at + statx[time] + sxTime.tv_sec, Math.floor(milliseconds / 1000))
      out.put32(at + statx[time] + sxTime.tv_nsec, nanoseconds(milliseconds))
    }
    return statxOut.bytes
  }
}
