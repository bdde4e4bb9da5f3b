/**
 * How the volume is opened, and whose opens the kernel serves by itself, on the image (FOPEN_PASSTHROUGH).
 *
 * Only the loop driver's. Passthrough does reads and writes without asking us, so nobody would cut a write at the end
 * of the volume: it would make the image longer. The loop driver never writes past the end of its device; any other
 * program might, so its reads and writes take the ordinary path with its checks (FOPEN_DIRECT_IO overrides passthrough
 * for them; the flag itself must be on every open of an inode, or the kernel fails the open with EIO). Both kinds meet
 * in the image's own page cache.
 *
 * The loop driver is known by the program that opens the file for it. A program that only calls itself so gains speed
 * and loses the check, nothing else.
 */
import { readFileSync } from 'node:fs'
import { openFlag } from '../protocol/abi.js'

/**
 * DIRECT_IO and PARALLEL_DIRECT_WRITES on every open: one cached open would make the kernel take the inode lock
 * exclusively for everybody's writes (fs/fuse/file.c, fuse_dio_wr_exclusive_lock).
 */
const checked = openFlag.directIo | openFlag.parallelDirectWrites

/** losetup, and `mount -o loop`. */
const loopPrograms = new Set(['losetup', 'mount'])

/** The name of a process, from procfs: this never touches a mount. Undefined when it is gone or in another namespace. */
const programOf = (pid: number): string | undefined => {
  try {
    return readFileSync(`/proc/${String(pid)}/comm`, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** Shared by the lanes of a volume: the backing id of the image, set once it is known. */
export const newPassthrough = (): SharedArrayBuffer => new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)

export class Passthrough {
  readonly #id: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#id = new Int32Array(memory)
  }

  enable(backingId: number): void {
    Atomics.store(this.#id, 0, backingId)
  }

  /** Flags and backing id for an open by this process. */
  openFor(pid: number): { flags: number; backingId: number } {
    const backingId = Atomics.load(this.#id, 0)
    if (backingId === 0) return { flags: checked, backingId }
    const forLoop = loopPrograms.has(programOf(pid) ?? '')
    return { flags: openFlag.passthrough | (forLoop ? 0 : checked), backingId }
  }
}
