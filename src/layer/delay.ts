/**
 * A slow disk: each request waits before it goes down. Requests wait side by side, so this adds latency and takes no
 * bandwidth as long as there are slots.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Backend } from '../backend/backend.js'
import { RingvolError } from '../errors.js'
import { AroundLayer, type Operation, operations } from './forward.js'
import { integer, oneOf, parseOptions } from './options.js'
import { type LayerMaker } from './registry.js'

/** What a timer of Node holds; more fires at once. */
const mostMilliseconds = 2 ** 31 - 1

class DelayLayer extends AroundLayer {
  readonly #milliseconds: number

  constructor(next: Backend, milliseconds: number, operation: Operation | 'any') {
    super(next, operation)
    this.#milliseconds = milliseconds
  }

  protected override around(
    _operation: Operation,
    _offset: number,
    _length: number,
    forward: () => void | Promise<void>,
  ): void | Promise<void> {
    return sleep(this.#milliseconds).then(forward)
  }
}

/** Options: `ms` (required), `op` (one of the operations, default `any`). */
export const delayLayer: LayerMaker = (options) => {
  const { ms, op = 'any' } = parseOptions('delay', options, {
    ms: integer(0, mostMilliseconds),
    op: oneOf('any', ...operations),
  })
  if (ms === undefined)
    throw new RingvolError('ERR_USAGE', 'layer delay: ms is missing', { advice: 'write delay:ms=5' })
  return (next) => new DelayLayer(next, ms, op)
}
