/**
 * One lane: a native lane and the dispatcher that answers its batches, on the thread that made it.
 */
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises'
import { Answers } from '../dispatcher/answers.js'
import { Attributes } from '../dispatcher/attributes.js'
import { Dispatcher } from '../dispatcher/dispatcher.js'
import { Passthrough } from '../dispatcher/passthrough.js'
import { parseTracePlanes, Trace } from '../dispatcher/trace.js'
import { addon, laneCounters, type NativeLane } from '../native/addon.js'
import { SlotCursor } from '../protocol/slots.js'
import type { LaneCounters, LaneHandle, LaneParts, Pending } from './handle.js'

/** A drain looks now and then, so that answers need not check whether somebody waits for them. */
const lookEveryMs = 5

export class Lane implements LaneHandle {
  readonly #native: NativeLane
  readonly #dispatcher: Dispatcher
  readonly #counters: Float64Array
  readonly #began: Float64Array
  /** What the counters said when the lane was closed. */
  #last: LaneCounters | undefined
  #settled = true

  /** Allocates ring and slots; nothing is asked of the kernel's FUSE side yet. Throws system errors. */
  constructor({ options, backend, attributes, passthrough, readOnly, logger }: LaneParts) {
    const native = new (addon().Lane)(options)
    this.#native = native
    this.#counters = new Float64Array(native.counters)
    this.#began = new Float64Array(native.began)
    const planes = parseTracePlanes(process.env['RINGVOL_TRACE'])
    const trace = planes.length === 0 ? undefined : new Trace(planes, (line) => process.stderr.write(`${line}\n`))
    this.#dispatcher = new Dispatcher({
      request: new SlotCursor(native.slab, native.layout),
      answers: new Answers(native, trace),
      backend,
      attributes: new Attributes(attributes, backend.size, backend.blockSize),
      passthrough: new Passthrough(passthrough),
      readOnly,
      maxPayload: options.maxPayload,
      logger,
      arrived: new Uint32Array(native.arrived),
      trace,
    })
  }

  get features(): readonly string[] {
    return this.#native.features
  }

  get missing(): readonly string[] {
    return this.#native.missing
  }

  start(): Promise<number> {
    return new Promise((resolve) => {
      this.#native.start(
        (count) => {
          this.#dispatcher.batch(count)
        },
        // Not at once: what awaits this closes the lane, and microtasks still run inside the native turn.
        (errno) => {
          setImmediate(resolve, errno)
        },
      )
    })
  }

  /** The first turn is part of `start`, and reports its end in the next round of the event loop. */
  begun(): Promise<void> {
    return immediate()
  }

  async drain(deadlineMs: number): Promise<boolean> {
    const end = Date.now() + deadlineMs
    while (this.#last === undefined && (this.#counters[laneCounters.inFlight] as number) > 0) {
      if (Date.now() >= end) return false
      await sleep(lookEveryMs)
    }
    return true
  }

  counters(): LaneCounters {
    return this.#last ?? readCounters(this.#counters)
  }

  pending(): Pending {
    const inFlight = this.#last === undefined ? (this.#counters[laneCounters.inFlight] as number) : 0
    return { inFlight, oldestMs: inFlight === 0 ? null : ageOf(this.#oldest()) }
  }

  /** When the oldest request came, 0 without one: looked for when somebody asks, so that answering costs nothing. */
  #oldest(): number {
    let oldest = Infinity
    for (const began of this.#began) if (began > 0 && began < oldest) oldest = began
    return oldest === Infinity ? 0 : oldest
  }

  /** Must not be called from within a batch. */
  close(): Promise<boolean> {
    if (this.#last === undefined) {
      this.#last = this.counters()
      this.#settled = this.#native.close()
    }
    return Promise.resolve(this.#settled)
  }

  /** For a thread that publishes its counters to another, the time of its oldest request behind them: see worker.ts. */
  publish(target: Float64Array): void {
    if (this.#last !== undefined) return
    target.set(this.#counters)
    target[this.#counters.length] = this.#oldest()
  }
}

/** Milliseconds since then, on the clock that the addon stamps requests with; null for 0, which is no time. */
export const ageOf = (began: number): number | null =>
  began === 0 ? null : Math.max(0, Math.round(Number(process.hrtime.bigint()) / 1e6 - began))

export const readCounters = (numbers: Float64Array): LaneCounters =>
  Object.fromEntries(Object.entries(laneCounters).map(([name, index]) => [name, numbers[index] ?? 0])) as LaneCounters
