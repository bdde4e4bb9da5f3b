/**
 * The way out of the dispatcher: action rows in memory that the addon reads.
 *
 * During a batch rows are only written; the addon executes them when the batch callback returns. A backend's promise
 * settles outside a batch: then the first row of a turn schedules one submit as a microtask, so that answers that
 * settle together leave together. A slot has at most one row, so the table (one row per slot) cannot overflow.
 */
import { action, laneCounters, type NativeLane } from '../native/addon.js'
import type { Trace } from './trace.js'

const columns = 4

export type AnswerSink = Pick<NativeLane, 'actions' | 'counters' | 'submit'>

export class Answers {
  readonly #rows: Float64Array
  readonly #counters: Float64Array
  readonly #submit: () => void
  readonly #trace: Trace | undefined
  #inBatch = false
  #scheduled = false

  constructor(lane: AnswerSink, trace?: Trace) {
    this.#trace = trace
    this.#rows = new Float64Array(lane.actions)
    this.#counters = new Float64Array(lane.counters)
    this.#submit = () => {
      this.#scheduled = false
      lane.submit()
    }
  }

  /** The lane was closed and its memory is gone: an answer that comes now has nowhere to go. */
  get closed(): boolean {
    return this.#rows.length === 0 // what a detached array has
  }

  beginBatch(): void {
    this.#inBatch = true
  }

  endBatch(): void {
    this.#inBatch = false
  }

  /** `length` bytes at the slot's payload are the reply body. */
  reply(slot: number, length: number): void {
    this.push(slot, action.reply, length, 0)
  }

  /** `errno`: positive. */
  error(slot: number, errno: number): void {
    this.push(slot, action.error, errno, 0)
  }

  /** For requests without an answer. */
  release(slot: number): void {
    this.push(slot, action.release, 0, 0)
  }

  /** `what`: one of the *File actions; bytes. */
  push(slot: number, what: number, length: number, offset: number): void {
    this.#trace?.answered(slot, what, length, offset)
    const row = this.#counters[laneCounters.actionRows] as number
    const at = row * columns
    const rows = this.#rows
    rows[at] = slot
    rows[at + 1] = what
    rows[at + 2] = length
    rows[at + 3] = offset
    this.#counters[laneCounters.actionRows] = row + 1
    if (!this.#inBatch && !this.#scheduled) {
      this.#scheduled = true
      queueMicrotask(this.#submit)
    }
  }
}
