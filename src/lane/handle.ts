/**
 * What a volume knows of a lane, wherever it runs: on the main thread (lane.ts) or in a worker (worker-lane.ts).
 */
import type { laneCounters, LaneOptions } from '../native/addon.js'
import type { Backend } from '../backend/backend.js'
import type { Logger } from '../log.js'

export type LaneCounters = Record<keyof typeof laneCounters, number>

/** The requests that a lane, or a whole volume, has taken in and not answered. */
export interface Pending {
  readonly inFlight: number
  /** Age of the oldest one in milliseconds; null when there is none. */
  readonly oldestMs: number | null
}

/** How a thread shows the watchdog that its event loop goes round. */
export interface Heart {
  /** Of `openControl` in native/addon.ts. */
  readonly control: number
  readonly everyMs: number
}

export interface LaneParts {
  readonly options: LaneOptions
  readonly backend: Backend
  readonly attributes: SharedArrayBuffer
  readonly passthrough: SharedArrayBuffer
  readonly readOnly: boolean
  readonly logger: Logger
  /** For a lane with a thread of its own. */
  readonly heart?: Heart | undefined
}

export interface LaneHandle {
  /** Ring features in use, and those that this kernel refused. */
  readonly features: readonly string[]
  readonly missing: readonly string[]
  /**
   * Begins to serve. Resolves with the errno that ended the connection: ENODEV or ENOTCONN after an unmount or abort.
   * Rejects when the lane itself dies.
   */
  start(): Promise<number>
  /** After `start`: the kernel has taken the first operations, or refused them, and then `start` has resolved too. */
  begun(): Promise<void>
  /** Waits until no request is with the lane; false when some still are after `deadlineMs`. */
  drain(deadlineMs: number): Promise<boolean>
  counters(): LaneCounters
  pending(): Pending
  /**
   * Frees the ring, the slots and the thread. Idempotent. false: an operation on the image has not ended and may still
   * change it. Rejects, with all of that done, when the lane has died.
   */
  close(): Promise<boolean>
}
