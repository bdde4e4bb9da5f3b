/**
 * The server: walks a batch of slots and lets each request's row answer it.
 *
 * Runs on the lane's thread, called once per batch. It allocates nothing per request and never throws: a handler that
 * throws has its request answered with an errno, because the daemon must outlive any one request, and because a slot
 * that is forgotten here would hang its caller for ever.
 */
import { inHeader } from '../protocol/abi.js'
import { Context, type ContextParts } from './context.js'
import { EIO, toErrno } from './errno.js'
import { type Row, rows, unknownRow } from './table.js'
import type { Trace } from './trace.js'

export interface DispatcherParts extends ContextParts {
  /** The slots of the batch: the lane's `arrived` memory. */
  readonly arrived: Uint32Array
  readonly trace?: Trace | undefined
}

/** Opcodes are small and dense: an array look-up, no hashing on the path of every request. */
const rowByOpcode: readonly (Row | undefined)[] = Array.from({ length: 64 }, (_, number) => rows.get(number))

export class Dispatcher {
  readonly #context: Context
  readonly #arrived: Uint32Array
  readonly #trace: Trace | undefined

  constructor(parts: DispatcherParts) {
    this.#context = new Context(parts)
    this.#arrived = parts.arrived
    this.#trace = parts.trace
  }

  /** Answers, or begins to answer, the first `count` slots of `arrived`. */
  batch(count: number): void {
    const { answers, request } = this.#context
    answers.beginBatch()
    for (let index = 0; index < count; index++) {
      request.moveTo(this.#arrived[index] as number)
      this.#dispatch()
    }
    answers.endBatch()
  }

  #dispatch(): void {
    const context = this.#context
    const { request, answers } = context
    const row = rowByOpcode[request.opcode] ?? unknownRow
    this.#trace?.received(row, request)
    if (request.header(inHeader.len) < inHeader.bytes + row.argumentBytes) {
      answers.error(request.slot, EIO)
      return
    }
    const { slot } = request
    try {
      row.handler(context)
    } catch (error) {
      answers.error(slot, toErrno(error, row.name, context.logger))
    }
  }
}
