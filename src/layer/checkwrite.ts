/**
 * A witness: remembers a checksum of every sector that is written, trimmed or zeroed, and compares what is read. What
 * was not written is answered with EIO and said in the log, so that a backend that loses or mixes up data is found at
 * the read and not by the file system a week later.
 *
 * It must never cry wolf, so it says nothing about a sector where more than one answer is right:
 *
 * - two changes that overlap while both are under way may land in either order: their intersection is unknown until it
 *   is written again;
 * - a read that overlaps a change that is under way may see the old or the new: that part of it is not compared;
 * - a change that failed may have been done or not, in part even: its range is unknown;
 * - a sector that is written in part, or has not been written since the start, is unknown.
 */
import { constants } from 'node:os'
import { crc32 } from 'node:zlib'
import { type Backend, type Capabilities } from '../backend/backend.js'
import { isPromise } from '../backend/checked.js'
import { RingvolError } from '../errors.js'
import { type Logger } from '../log.js'
import { Checksums, sector, sumsOf, touchedSectors, wholeSectors, zeroSums, type Sectors } from './checksums.js'
import { ForwardLayer } from './forward.js'
import { oneOf, parseOptions } from './options.js'
import { type LayerMaker } from './registry.js'

/** A request that is under way. */
interface Pending extends Sectors {
  /** Where it met another one. */
  readonly unsure: Sectors[]
}

/** Adds to `unsure` where `a` and `b` overlap. */
const note = (unsure: Sectors[], a: Sectors, b: Sectors): void => {
  const both = { first: Math.max(a.first, b.first), end: Math.min(a.end, b.end) }
  if (both.first < both.end) unsure.push(both)
}

const covers = (ranges: readonly Sectors[], at: number): boolean =>
  ranges.some(({ first, end }) => at >= first && at < end)

/** As `answer.then(done, failed)`, and at once where the answer is there at once. */
const settled = (run: () => void | Promise<void>, done: () => void, ended: () => void): void | Promise<void> => {
  let answer: unknown
  try {
    answer = run()
  } catch (error) {
    ended()
    throw error
  }
  if (isPromise(answer)) return Promise.resolve(answer).then(done).finally(ended)
  try {
    done()
  } finally {
    ended()
  }
}

class CheckwriteLayer extends ForwardLayer {
  readonly #logger: Logger
  readonly #readBack: boolean
  readonly #checksums = new Checksums()
  readonly #changes = new Set<Pending>()
  readonly #reads = new Set<Pending>()

  constructor(next: Backend, readBack: boolean, logger: Logger) {
    super(next)
    this.#readBack = readBack
    this.#logger = logger
  }

  /** One memory of what was written means one instance. */
  override get can(): Capabilities {
    return { ...super.can, lanes: false }
  }

  override read(target: Buffer, offset: number): void | Promise<void> {
    const pending: Pending = { ...touchedSectors(offset, target.length), unsure: [] }
    for (const change of this.#changes) note(pending.unsure, pending, change)
    this.#reads.add(pending)
    return settled(
      () => super.read(target, offset),
      () => {
        this.#compare(target, offset, pending.unsure)
      },
      () => this.#reads.delete(pending),
    )
  }

  override write(source: Buffer, offset: number): void | Promise<void> {
    const sums = sumsOf(source, offset)
    const written = this.#change(offset, source.length, sums, () => super.write(source, offset))
    if (!this.#readBack) return written
    const back = (): void | Promise<void> => this.read(Buffer.alloc(source.length), offset)
    return written === undefined ? back() : written.then(back)
  }

  override trim(offset: number, length: number): void | Promise<void> {
    return this.#change(offset, length, zeroSums(offset, length), () => super.trim(offset, length))
  }

  override zero(offset: number, length: number): void | Promise<void> {
    return this.#change(offset, length, zeroSums(offset, length), () => super.zero(offset, length))
  }

  /** `sums`: what the whole sectors of the range read as when `run` has succeeded. */
  #change(offset: number, length: number, sums: Uint32Array, run: () => void | Promise<void>): void | Promise<void> {
    const pending: Pending = { ...touchedSectors(offset, length), unsure: [] }
    for (const change of this.#changes) {
      note(pending.unsure, pending, change)
      note(change.unsure, pending, change)
    }
    for (const read of this.#reads) note(read.unsure, pending, read)
    this.#changes.add(pending)
    this.#checksums.forget(pending.first, pending.end)
    const { first } = wholeSectors(offset, length)
    return settled(
      run,
      () => {
        sums.forEach((sum, index) => {
          if (!covers(pending.unsure, first + index)) this.#checksums.remember(first + index, sum)
        })
      },
      () => this.#changes.delete(pending),
    )
  }

  #compare(bytes: Buffer, offset: number, unsure: readonly Sectors[]): void {
    const { first, end } = wholeSectors(offset, bytes.length)
    for (let at = first; at < end; at += 1) {
      const expected = this.#checksums.expected(at)
      if (expected === undefined || covers(unsure, at)) continue
      const start = at * sector - offset
      const found = bytes.subarray(start, start + sector)
      if (crc32(found) !== expected) throw this.#complain(offset, bytes.length, at, found)
    }
  }

  #complain(offset: number, length: number, at: number, found: Buffer): RingvolError {
    const what = found.every((byte) => byte === 0) ? 'it reads as zeros' : 'it holds something else'
    const message =
      `${this.name}: read of ${String(length)} bytes at ${String(offset)} is not what was written: ` +
      `from byte ${String(at * sector)} on ${what}`
    this.#logger.error(`layer checkwrite: ${message}`)
    return new RingvolError('ERR_BACKEND', message, { errno: constants.errno.EIO })
  }
}

/** Options: `readback` (`yes`: every write is read again before it is answered; default `no`). */
export const checkwriteLayer: LayerMaker = (options, { logger }) => {
  const { readback = 'no' } = parseOptions('checkwrite', options, { readback: oneOf('yes', 'no') })
  return (next) => new CheckwriteLayer(next, readback === 'yes', logger)
}
