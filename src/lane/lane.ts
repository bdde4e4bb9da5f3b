/**
 * One lane: a native lane and the dispatcher that answers its batches, on the thread that made it.
 */
import type { Backend } from '../backend/backend.js'
import { Answers } from '../dispatcher/answers.js'
import { Attributes } from '../dispatcher/attributes.js'
import { Dispatcher } from '../dispatcher/dispatcher.js'
import { parseTracePlanes, Trace } from '../dispatcher/trace.js'
import type { Logger } from '../log.js'
import { addon, laneCounters, type LaneOptions, type NativeLane } from '../native/addon.js'
import { SlotCursor } from '../protocol/slots.js'

export interface LaneParts {
  readonly options: LaneOptions
  readonly backend: Backend
  readonly attributes: SharedArrayBuffer
  readonly readOnly: boolean
  readonly logger: Logger
}

export type LaneCounters = Record<keyof typeof laneCounters, number>

export class Lane {
  readonly #native: NativeLane
  readonly #dispatcher: Dispatcher
  readonly #counters: Float64Array
  #started = false
  #last: LaneCounters | undefined

  /** Allocates ring and slots; nothing is asked of the kernel's FUSE side yet. Throws system errors. */
  constructor({ options, backend, attributes, readOnly, logger }: LaneParts) {
    const native = new (addon().Lane)(options)
    this.#native = native
    this.#counters = new Float64Array(native.counters)
    const planes = parseTracePlanes(process.env['RINGVOL_TRACE'])
    const trace = planes.length === 0 ? undefined : new Trace(planes, (line) => process.stderr.write(`${line}\n`))
    this.#dispatcher = new Dispatcher({
      request: new SlotCursor(native.slab, native.layout),
      answers: new Answers(native, trace),
      backend,
      attributes: new Attributes(attributes, backend.size, backend.blockSize),
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

  /** Requests that are with us: in a handler, at the backend, or in the ring. */
  get inFlight(): number {
    return this.#started && this.#last === undefined ? (this.#counters[laneCounters.inFlight] as number) : 0
  }

  /** Begins to serve. Resolves with the errno that ended the connection: ENODEV or ENOTCONN after an unmount or abort. */
  start(): Promise<number> {
    this.#started = true
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

  counters(): LaneCounters {
    return (
      this.#last ??
      (Object.fromEntries(
        Object.entries(laneCounters).map(([name, index]) => [name, this.#counters[index] ?? 0]),
      ) as LaneCounters)
    )
  }

  /** Frees the ring and the slots. Idempotent; must not be called from a batch. */
  close(): void {
    if (this.#last !== undefined) return
    this.#last = this.counters()
    this.#native.close()
  }
}
