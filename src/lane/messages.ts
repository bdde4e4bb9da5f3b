/**
 * What a worker lane and the main thread say to each other. Control only: requests and their bytes never cross here.
 */
import type { Backend, BackingFile, Capabilities } from '../backend/backend.js'
import type { LaneOptions } from '../native/addon.js'
import type { Heart } from './handle.js'

/** Methods of a backend that a worker asks the main thread to run. Rare ones: reads and writes use the file. */
export type AskedMethod = Extract<keyof Backend, 'flush' | 'trim' | 'zero' | 'allocate' | 'extents' | 'allocated'>

export interface WorkerData {
  readonly options: LaneOptions
  readonly backend: {
    readonly name: string
    readonly size: number
    readonly blockSize: number
    readonly can: Capabilities
    readonly file: BackingFile
  }
  readonly attributes: SharedArrayBuffer
  readonly passthrough: SharedArrayBuffer
  /** Float64Array of laneCounters and, behind them, when the oldest request came; refreshed by the worker. */
  readonly counters: SharedArrayBuffer
  readonly readOnly: boolean
  /** The CPU whose kernel queue this lane serves, if it serves just one. */
  readonly cpu: number | undefined
  readonly heart: (Heart & { readonly loop: number }) | undefined
}

export type ToWorker =
  | { readonly type: 'start' }
  | { readonly type: 'drain'; readonly deadlineMs: number }
  | { readonly type: 'close' }
  | { readonly type: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: PlainError }

export type FromWorker =
  | { readonly type: 'ready'; readonly features: readonly string[]; readonly missing: readonly string[] }
  | { readonly type: 'refused'; readonly error: PlainError }
  | { readonly type: 'begun' }
  | { readonly type: 'ended'; readonly errno: number }
  | { readonly type: 'drained'; readonly empty: boolean }
  | { readonly type: 'closed'; readonly settled: boolean }
  | { readonly type: 'ask'; readonly id: number; readonly method: AskedMethod; readonly args: readonly number[] }
  | { readonly type: 'log'; readonly level: 'debug' | 'warn'; readonly fields: object; readonly message: string }

/** Structured clone drops everything of an Error but its message; these are the fields that callers need. */
export interface PlainError {
  readonly message: string
  readonly errno?: number
  readonly code?: string
  readonly syscall?: string
}

export const toPlainError = (error: unknown): PlainError => {
  const { errno, code, syscall } = (typeof error === 'object' && error !== null ? error : {}) as Partial<PlainError>
  return {
    message: error instanceof Error ? error.message : String(error),
    ...(errno === undefined ? {} : { errno }),
    ...(code === undefined ? {} : { code }),
    ...(syscall === undefined ? {} : { syscall }),
  }
}

export const fromPlainError = (plain: PlainError): Error => Object.assign(new Error(plain.message), plain)
