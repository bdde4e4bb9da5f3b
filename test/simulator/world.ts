/**
 * Time and chance of a simulation: events happen in the order of simulated time, which nobody waits for, and everything
 * random comes from one seed.
 *
 * Between two events all promises that can settle do (one turn of the event loop, in which nothing else of ours runs),
 * so the order of events is the only order there is, and a seed replays to the last line of its trace.
 */
import { randomFrom, type Random } from '../support/seed.js'

interface Event {
  readonly at: number
  readonly run: () => void
}

/** Lines of the trace that a failure shows. */
const shownLines = 40

/** A promise that was broken; what it says is repeated by the same seed. */
export class Violation extends Error {}

export class World implements Random {
  readonly seed: number
  readonly #random: Random
  readonly #trace: string[] = []
  #events: Event[] = []
  #now = 0
  #hash = 0x811c9dc5
  #thrown: Error | undefined
  /** Counts whatever happens; "before" and "after" are meant in it. */
  tick = 0

  constructor(seed: number) {
    this.seed = seed
    this.#random = randomFrom(seed)
  }

  next(): number {
    return this.#random.next()
  }

  below(limit: number): number {
    return this.#random.below(limit)
  }

  /** true once in `many` times. */
  oneIn(many: number): boolean {
    return this.below(many) === 0
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T
  }

  /** Runs `run` after at most so many units of simulated time: what was begun together ends in any order. */
  later(atMost: number, run: () => void): void {
    this.#events.push({ at: this.#now + this.below(atMost + 1), run })
  }

  /** Adds a line to the trace. */
  note(line: string): void {
    this.tick += 1
    if (this.#trace.push(line) > 2 * shownLines) this.#trace.splice(0, shownLines)
    let hash = this.#hash
    for (let index = 0; index < line.length; index++) hash = Math.imul(hash ^ line.charCodeAt(index), 0x01000193)
    this.#hash = Math.imul(hash ^ 10, 0x01000193)
  }

  /** Of all lines so far: FNV-1a. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0')
  }

  get idle(): boolean {
    return this.#events.length === 0
  }

  /** The next event, and all promises that settle because of it. */
  async step(): Promise<void> {
    let first = 0
    // The earliest; of several the one that was begun first.
    for (const [index, { at }] of this.#events.entries()) if (at < (this.#events[first] as Event).at) first = index
    const [event] = this.#events.splice(first, 1)
    if (event !== undefined) {
      this.#now = event.at
      event.run()
    }
    await new Promise((resolve) => setImmediate(resolve))
    if (this.#thrown !== undefined) throw this.#thrown
  }

  /** Everything that was going on ends here: the process was killed. */
  forget(): void {
    this.#events = []
  }

  fail(what: string): never {
    const trace = this.#trace.slice(-shownLines).join('\n  ')
    throw new Violation(`seed ${String(this.seed)}: ${what}\n  ${trace}`)
  }

  /** For what runs as a microtask of its own: what it throws is thrown by the step that it belongs to. */
  guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#thrown ??= error instanceof Error ? error : new Error(String(error))
    }
  }
}
