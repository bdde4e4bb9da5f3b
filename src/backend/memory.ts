/**
 * Blocks in this process's memory, sparse: a table of 64 KiB chunks, each made when it is first written.
 *
 * ```
 *  chunk number ──► Map ──► Buffer of 64 KiB      absent: reads as zeros, takes nothing
 * ```
 *
 * Why so:
 * - The table is a Map, which doubles when it is full: n chunks cost O(n) moves, and a volume of many terabytes with
 *   little in it costs only what is in it. An array would have to be as long as the highest offset ever written, and
 *   mkfs writes at the end of the volume first.
 * - Chunks are of one size and allocated one by one, never in growing arenas: page faults dominate the first write of a
 *   block (about 2 us per 4 KiB, the same within noise for chunks of 64 KiB, 256 KiB and 1 MiB; 4 KiB chunks are 3
 *   to 7 times slower), and a chunk of its own goes back to the system when it is trimmed, which a piece of an arena
 *   does not.
 * - Buffer.alloc gives zeroed memory, so a block that was never written reads as zeros and nothing of this process
 *   leaks into the volume. The size is fixed when the backend is made; no write changes it.
 *
 * Everything is synchronous. No two calls overlap, so there is nothing to lock.
 */
import { constants } from 'node:os'
import { RingvolError } from '../errors.js'
import { type Backend, type Capabilities, type Extent } from './backend.js'

/** Bytes. */
export const chunkSize = 64 * 1024
/** Chunks one `extents` call looks at, so that a huge empty volume does not hold the thread: 4 GiB, below a millisecond. */
const extentsPerCall = 65536

export class MemoryBackend implements Backend {
  readonly name: string
  readonly size: number
  readonly blockSize = 4096
  readonly can: Capabilities = { write: true, flush: false, trim: true, zero: true, extents: true, lanes: false }
  readonly #chunks = new Map<number, Buffer>()

  /** @param size bytes, a multiple of 512; memory is taken only for what is written */
  constructor(size: number, name = `memory:${String(size)}`) {
    this.size = size
    this.name = name
  }

  async open(): Promise<void> {
    // Memory comes with the first write.
  }

  read(target: Buffer, offset: number): void {
    for (let done = 0; done < target.length;) {
      const start = (offset + done) % chunkSize
      const length = Math.min(chunkSize - start, target.length - done)
      const chunk = this.#chunks.get(Math.floor((offset + done) / chunkSize))
      if (chunk === undefined) target.fill(0, done, done + length)
      else chunk.copy(target, done, start, start + length)
      done += length
    }
  }

  write(source: Buffer, offset: number): void {
    for (let done = 0; done < source.length;) {
      const start = (offset + done) % chunkSize
      const length = Math.min(chunkSize - start, source.length - done)
      source.copy(this.#chunk(Math.floor((offset + done) / chunkSize)), start, done, done + length)
      done += length
    }
  }

  /** Whole chunks are released, the rest of the range is filled with zeros. */
  trim(offset: number, length: number): void {
    const end = offset + length
    for (let position = offset; position < end;) {
      const number = Math.floor(position / chunkSize)
      const first = number * chunkSize
      const next = Math.min(first + chunkSize, this.size)
      if (position === first && end >= next) this.#chunks.delete(number)
      else this.#chunks.get(number)?.fill(0, position - first, Math.min(end, next) - first)
      position = next
    }
  }

  /** As `trim`: an absent chunk is the cheapest zeros there are. */
  zero(offset: number, length: number): void {
    this.trim(offset, length)
  }

  /** In steps of a chunk; a chunk that was written is data whatever it holds. */
  extents(offset: number, length: number): Extent[] {
    const extents: Extent[] = []
    const end = Math.min(offset + length, (Math.floor(offset / chunkSize) + extentsPerCall) * chunkSize)
    let start = offset
    let kind = this.#kind(offset)
    for (let position = offset; position < end;) {
      position = Math.min((Math.floor(position / chunkSize) + 1) * chunkSize, end)
      const next = position < end ? this.#kind(position) : undefined
      if (next === kind) continue
      extents.push({ offset: start, length: position - start, kind })
      start = position
      kind = next ?? kind
    }
    return extents
  }

  /** The memory taken, in whole chunks but never more than the size. */
  allocated(): number {
    return Math.min(this.#chunks.size * chunkSize, this.size)
  }

  close(): Promise<void> {
    this.#chunks.clear()
    return Promise.resolve()
  }

  #kind(offset: number): 'data' | 'hole' {
    return this.#chunks.has(Math.floor(offset / chunkSize)) ? 'data' : 'hole'
  }

  /** The chunk to write to, made if it is absent. Throws ENOSPC when memory is out, which is this backend's full disk. */
  #chunk(number: number): Buffer {
    const present = this.#chunks.get(number)
    if (present !== undefined) return present
    try {
      const made = Buffer.alloc(chunkSize)
      this.#chunks.set(number, made)
      return made
    } catch (cause) {
      const errno = constants.errno.ENOSPC
      throw new RingvolError('ERR_IMAGE_FULL', `${this.name}: no memory for another ${String(chunkSize)} bytes`, {
        errno,
        cause,
      })
    }
  }
}
