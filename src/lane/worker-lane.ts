/**
 * A lane in a worker thread, seen from the main thread.
 *
 * A worker that dies takes the volume down, not the process: its end counts as the end of the connection.
 */
import { Worker } from 'node:worker_threads'
import type { Backend } from '../backend/backend.js'
import { orLate } from '../deadline.js'
import { RingvolError } from '../errors.js'
import type { Logger } from '../log.js'
import { laneCounters } from '../native/addon.js'
import type { LaneCounters, LaneHandle, LaneParts, Pending } from './handle.js'
import { ageOf, readCounters } from './lane.js'
import { fromPlainError, type FromWorker, toPlainError, type ToWorker, type WorkerData } from './messages.js'

/** For the thread to end by itself after `close`, before it is terminated. */
const endMs = 10_000
/** For its word to come, after its own deadline. */
const graceMs = 1000

const counterCount = Object.keys(laneCounters).length

export interface Place {
  /** To pin the thread to, if to one. */
  readonly cpu: number | undefined
  /** Its number among the event loops of the volume, for the watchdog; 0 is the main thread. */
  readonly loop: number
}

export class WorkerLane implements LaneHandle {
  features: readonly string[] = []
  missing: readonly string[] = []
  readonly #worker: Worker
  readonly #backend: Backend
  readonly #logger: Logger
  readonly #counters: Float64Array
  readonly #exited: Promise<void>
  #ended: (errno: number) => void = () => undefined
  #fail: (error: RingvolError) => void = () => undefined
  readonly #connection = new Promise<number>((resolve, reject) => {
    this.#ended = resolve
    this.#fail = reject
  })
  #closing = false
  #death: RingvolError | undefined
  /** As the thread says when it closes its lane; one that ended without a word may have left something. */
  #settled = false
  #drained: (empty: boolean) => void = () => undefined
  #begin: () => void = () => undefined
  readonly #begun = new Promise<void>((resolve) => (this.#begin = resolve))

  private constructor(
    { options, backend, attributes, passthrough, readOnly, logger, heart }: LaneParts,
    { cpu, loop }: Place,
  ) {
    const { file, name, size, blockSize, can } = backend
    if (file === undefined) throw new RingvolError('ERR_BACKEND', `${name} offers no file, so it runs on one lane`)
    const counters = new SharedArrayBuffer((counterCount + 1) * Float64Array.BYTES_PER_ELEMENT)
    this.#backend = backend
    this.#logger = logger
    this.#counters = new Float64Array(counters)
    const published = { name, size, blockSize, can: { ...can }, file: { ...file } }
    const data: WorkerData = {
      options,
      backend: published,
      attributes,
      passthrough,
      counters,
      readOnly,
      cpu,
      heart: heart === undefined ? undefined : { ...heart, loop },
    }
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: data })
    // Before it is started nobody waits for it, and an unhandled rejection would end the process.
    this.#connection.catch(() => undefined)
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        if (!this.#closing) this.#died('its thread ended by itself')
        resolve()
      })
    })
  }

  /** Starts the thread and waits until its ring and slots are allocated. Throws what the allocation threw. */
  static async open(parts: LaneParts, place: Place): Promise<WorkerLane> {
    const lane = new WorkerLane(parts, place)
    await new Promise<void>((resolve, reject) => {
      lane.#worker.on('message', (message: FromWorker) => {
        if (message.type === 'refused') reject(fromPlainError(message.error))
        else lane.#received(message, resolve)
      })
      lane.#worker.on('error', (error) => {
        reject(error)
        lane.#died(error.message, error)
      })
    })
    return lane
  }

  #died(reason: string, cause?: unknown): void {
    this.#death ??= new RingvolError('ERR_BACKEND', `a lane died, and its volume with it: ${reason}`, { cause })
    this.#fail(this.#death)
  }

  #received(message: Exclude<FromWorker, { type: 'refused' }>, ready: () => void): void {
    switch (message.type) {
      case 'ready':
        this.features = message.features
        this.missing = message.missing
        ready()
        return
      case 'begun':
        this.#begin()
        return
      case 'ended':
        this.#ended(message.errno)
        return
      case 'drained':
        this.#drained(message.empty)
        return
      case 'closed':
        this.#settled = message.settled
        return
      case 'ask':
        void this.#answer(message)
        return
      case 'log':
        this.#logger[message.level](message.fields, message.message)
    }
  }

  async #answer({ id, method, args }: Extract<FromWorker, { type: 'ask' }>): Promise<void> {
    try {
      const [offset = 0, length = 0] = args
      const value = await this.#backend[method]?.(offset, length)
      this.#post({ type: 'answer', id, value })
    } catch (error) {
      this.#post({ type: 'answer', id, error: toPlainError(error) })
    }
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  start(): Promise<number> {
    this.#post({ type: 'start' })
    return this.#connection
  }

  begun(): Promise<void> {
    return Promise.race([this.#begun, this.#exited])
  }

  drain(deadlineMs: number): Promise<boolean> {
    const answer = new Promise<boolean>((resolve) => (this.#drained = resolve))
    this.#post({ type: 'drain', deadlineMs })
    // A thread that is gone has nothing in flight any more; one that stands still does not even answer.
    return orLate(Promise.race([answer, this.#exited.then(() => true)]), deadlineMs + graceMs, false)
  }

  counters(): LaneCounters {
    return readCounters(this.#counters)
  }

  pending(): Pending {
    const inFlight = this.#counters[laneCounters.inFlight] ?? 0
    return { inFlight, oldestMs: inFlight === 0 ? null : ageOf(this.#counters[counterCount] ?? 0) }
  }

  async close(): Promise<boolean> {
    this.#closing = true
    this.#post({ type: 'close' })
    const timer = setTimeout(() => void this.#worker.terminate(), endMs)
    // Nothing ends a thread that stands still in native code: then its lane is not settled.
    await orLate(this.#exited, endMs + graceMs, undefined)
    clearTimeout(timer)
    if (this.#death !== undefined) throw this.#death
    return this.#settled
  }
}
