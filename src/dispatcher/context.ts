/**
 * What every opcode handler gets: the request under the cursor, the way to answer, and the volume behind it.
 *
 * A handler answers the request exactly once: at once through `answers`, or through `whenDone` when the backend
 * returned a promise. After a handler returned, the cursor belongs to the next request; what a late answer needs must
 * be in its closure.
 */
import type { Backend, Limit } from '../backend/backend.js'
import type { Logger } from '../log.js'
import type { SlotCursor } from '../protocol/slots.js'
import type { Answers } from './answers.js'
import type { Attributes } from './attributes.js'
import { toErrno } from './errno.js'
import type { Passthrough } from './passthrough.js'

export interface ContextParts {
  readonly request: SlotCursor
  readonly answers: Answers
  readonly backend: Backend
  readonly attributes: Attributes
  readonly passthrough: Passthrough
  readonly readOnly: boolean
  /** Bytes of a slot's payload. */
  readonly maxPayload: number
  readonly logger: Logger
}

const unlimited = new Float64Array([Infinity, Infinity, Infinity])

export class Context {
  readonly request: SlotCursor
  readonly answers: Answers
  readonly backend: Backend
  readonly attributes: Attributes
  readonly passthrough: Passthrough
  readonly readOnly: boolean
  readonly maxPayload: number
  readonly logger: Logger
  /** true: the ring does reads, writes and syncs on the backend's file. */
  readonly usesFile: boolean
  /** What reaches behind them in the file is EIO. */
  readonly #limits: Float64Array

  constructor(parts: ContextParts) {
    this.request = parts.request
    this.answers = parts.answers
    this.backend = parts.backend
    this.attributes = parts.attributes
    this.passthrough = parts.passthrough
    this.readOnly = parts.readOnly
    this.maxPayload = parts.maxPayload
    this.logger = parts.logger
    this.usesFile = parts.backend.file !== undefined
    this.#limits = parts.backend.file?.limits ?? unlimited
  }

  /** true: somebody changed the file so that this request must fail. */
  isRefused(kind: Limit, offset: number, length: number): boolean {
    return offset + length > (this.#limits[kind] as number)
  }

  /** Answers the current request when `result` settles; a plain result answers now and costs no promise. */
  whenDone<T>(operation: string, result: T | Promise<T>, reply: (slot: number, value: T) => void): void {
    const { slot } = this.request
    if (!(result instanceof Promise)) {
      reply(slot, result)
      return
    }
    const fail = (error: unknown): void => {
      const errno = toErrno(error, operation, this.logger)
      if (!this.answers.closed) this.answers.error(slot, errno)
    }
    result.then((value) => {
      if (this.answers.closed) return
      try {
        reply(slot, value)
      } catch (error) {
        fail(error)
      }
    }, fail)
  }
}

export type Handler = (context: Context) => void
