/**
 * The oracle: which bytes the volume may hold, given what was sent and what was answered.
 *
 * Every write has bytes of its own at every place (`patternOf`), none of them 0, so a byte names its writer. A byte is
 * legal when some order that the contract allows leaves it there: it comes from a change that was sent, and no other
 * change that settled was sent after that one had been answered. A change that failed may have landed or not, wholly or
 * in parts; one that is still in flight may land at any time.
 */
import { randomFrom } from '../support/seed.js'

export const volumeBytes = 16 * 1024
/** Behind the volume, in the same file: nothing may touch it. */
export const guardBytes = 2048
export const guardByte = 0xa5
const zeros = Buffer.alloc(volumeBytes)

const kinds = 255
const reach = volumeBytes + guardBytes

const scramble = ((): Uint8Array => {
  const { below } = randomFrom(1)
  return Uint8Array.from({ length: reach }, () => below(kinds))
})()

const patterns = new Map<number, Buffer>()

/** What write `id` would leave in all of the volume and behind it. Two differ everywhere, up to 255 of them. */
export const patternOf = (id: number): Buffer => {
  const kind = id % kinds
  const known = patterns.get(kind)
  if (known !== undefined) return known
  const made = Buffer.from(scramble.map((byte) => 1 + ((byte + kind) % kinds)))
  patterns.set(kind, made)
  return made
}

/** A WRITE, or with id undefined a punch or zero-range. Times are ticks of the world. */
export interface Change {
  readonly id: number | undefined
  readonly start: number
  readonly end: number
  readonly sent: number
  /** Infinity: not yet, or never will be. */
  answered: number
  succeeded: boolean
}

/** An FSYNC or FLUSH. */
export interface Barrier {
  readonly sent: number
  answered: number
  succeeded: boolean
}

export class Model {
  /** What was there when this life began. */
  readonly #base: Buffer
  readonly #changes: Change[] = []
  readonly #barriers: Barrier[] = []

  constructor(base: Buffer) {
    this.#base = base
  }

  begin(id: number | undefined, start: number, length: number, sent: number): Change {
    const change = { id, start, end: start + length, sent, answered: Infinity, succeeded: false }
    this.#changes.push(change)
    return change
  }

  barrier(sent: number): Barrier {
    const barrier = { sent, answered: Infinity, succeeded: false }
    this.#barriers.push(barrier)
    return barrier
  }

  /** What a read that was sent at `sent` returned is wrong, or undefined: everything answered before it must show. */
  wrongForReader(bytes: Buffer, start: number, sent: number): string | undefined {
    return this.#wrong(bytes, start, (change) => change.succeeded && change.answered <= sent)
  }

  /** The same of what a power cut left: everything that a barrier covers must show. */
  wrongAfterPowerCut(bytes: Buffer): string | undefined {
    const covered = new Set(this.#changes.filter((change) => change.succeeded && this.#isCovered(change)))
    return this.#wrong(bytes, 0, (change) => covered.has(change))
  }

  /**
   * By a barrier that was sent after the change was answered; unless another one failed in between, for after that the
   * kernel takes pages for clean that never reached the disk, and docs/durability.md promises nothing.
   */
  #isCovered(change: Change): boolean {
    return this.#barriers.some(
      (barrier) =>
        barrier.succeeded &&
        barrier.sent >= change.answered &&
        !this.#barriers.some(
          (other) => !other.succeeded && other.answered > change.sent && other.sent < barrier.answered,
        ),
    )
  }

  #wrong(bytes: Buffer, start: number, settled: (change: Change) => boolean): string | undefined {
    const end = start + bytes.length
    const touching = this.#changes.filter((change) => change.start < end && change.end > start)
    const cuts = new Set([start, end])
    for (const change of touching) {
      cuts.add(Math.max(start, change.start))
      cuts.add(Math.min(end, change.end))
    }
    const edges = [...cuts].sort((a, b) => a - b)
    for (const [index, from] of edges.entries()) {
      const to = edges[index + 1]
      if (to === undefined) break
      const here = touching.filter((change) => change.start < to && change.end > from)
      const wrong = this.#wrongIn(bytes.subarray(from - start, to - start), from, here, here.filter(settled))
      if (wrong !== undefined) return wrong
    }
    return undefined
  }

  /** A piece that each of `changes` covers as a whole. */
  #wrongIn(piece: Buffer, at: number, changes: readonly Change[], settled: readonly Change[]): string | undefined {
    const legal = changes.filter((change) => !settled.some((later) => later.sent >= change.answered))
    const candidates = legal.map(({ id }) => (id === undefined ? zeros : patternOf(id)))
    if (settled.length === 0) candidates.push(this.#base)
    // Nearly always one change left all of it.
    if (candidates.some((candidate) => piece.equals(candidate.subarray(at, at + piece.length)))) return undefined
    for (const [index, byte] of piece.entries()) {
      const position = at + index
      if (candidates.some((candidate) => candidate[position] === byte)) continue
      const names = legal.map(({ id }) => (id === undefined ? 'zeros' : `write ${String(id)}`))
      const allowed = [...(settled.length === 0 ? ['what was there before'] : []), ...names]
      return `byte ${String(position)} is ${this.#writerOf(byte, position)}; allowed: ${allowed.join(', ')}`
    }
    return undefined
  }

  #writerOf(byte: number, position: number): string {
    if (byte === 0) return 'zero'
    const writer = this.#changes.find(({ id }) => id !== undefined && patternOf(id)[position] === byte)
    return writer === undefined ? `0x${byte.toString(16)}, which nobody wrote` : `of write ${String(writer.id)}`
  }
}
