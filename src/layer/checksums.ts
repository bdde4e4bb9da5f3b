/**
 * What each sector of a volume has to read as, where that is known: a CRC-32 per 512 bytes, in chunks that are made
 * when something in them becomes known, so they take about a hundredth of what was written.
 */
import { crc32 } from 'node:zlib'

/** Bytes; the least that a disk writes at once. */
export const sector = 512
const sectorsPerChunk = 128

interface Chunk {
  readonly sums: Uint32Array
  /** 1 where `sums` means something. */
  readonly known: Uint8Array
}

const zeroSum = crc32(Buffer.alloc(sector))

export class Checksums {
  readonly #chunks = new Map<number, Chunk>()

  /** Sectors `first` to `end` are of unknown content. */
  forget(first: number, end: number): void {
    for (let at = first; at < end;) {
      const stop = Math.min(end, (Math.floor(at / sectorsPerChunk) + 1) * sectorsPerChunk)
      const number = Math.floor(at / sectorsPerChunk)
      if (stop - at === sectorsPerChunk) this.#chunks.delete(number)
      else this.#chunks.get(number)?.known.fill(0, at % sectorsPerChunk, ((stop - 1) % sectorsPerChunk) + 1)
      at = stop
    }
  }

  remember(at: number, sum: number): void {
    const number = Math.floor(at / sectorsPerChunk)
    let chunk = this.#chunks.get(number)
    if (chunk === undefined) {
      chunk = { sums: new Uint32Array(sectorsPerChunk), known: new Uint8Array(sectorsPerChunk) }
      this.#chunks.set(number, chunk)
    }
    chunk.sums[at % sectorsPerChunk] = sum
    chunk.known[at % sectorsPerChunk] = 1
  }

  /** undefined: anything may be there. */
  expected(at: number): number | undefined {
    const chunk = this.#chunks.get(Math.floor(at / sectorsPerChunk))
    return chunk?.known[at % sectorsPerChunk] === 1 ? chunk.sums[at % sectorsPerChunk] : undefined
  }
}

/** One sum for each whole sector of `bytes`, which begin at byte `offset` of the volume. */
export const sumsOf = (bytes: Buffer, offset: number): Uint32Array => {
  const { first, end } = wholeSectors(offset, bytes.length)
  const sums = new Uint32Array(end - first)
  for (let index = 0; index < sums.length; index += 1) {
    const start = (first + index) * sector - offset
    sums[index] = crc32(bytes.subarray(start, start + sector))
  }
  return sums
}

export const zeroSums = (offset: number, length: number): Uint32Array => {
  const { first, end } = wholeSectors(offset, length)
  return new Uint32Array(end - first).fill(zeroSum)
}

export interface Sectors {
  readonly first: number
  /** The one after the last. */
  readonly end: number
}

/** The sectors that lie inside a range of bytes; `first` is `end` where there are none. */
export const wholeSectors = (offset: number, length: number): Sectors => {
  const first = Math.ceil(offset / sector)
  return { first, end: Math.max(first, Math.floor((offset + length) / sector)) }
}

/** The sectors that a range of bytes touches. */
export const touchedSectors = (offset: number, length: number): Sectors => ({
  first: Math.floor(offset / sector),
  end: Math.ceil((offset + length) / sector),
})
