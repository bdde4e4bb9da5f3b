/**
 * A narrow disk: so many bytes or requests a second, one after the other. What comes faster waits; nothing is dropped.
 *
 * ```
 *  #free: when all that was let through will have passed
 *  request: #free += max(length / bytes, 1 / ops), and goes down at #free
 * ```
 *
 * Time in which nothing was asked for is not saved up, so there are no bursts; only what a late timer costs is made up
 * for. Bytes are those that move: a flush, trim or zero counts as a request without any.
 */
import { type Backend, type Capabilities } from '../backend/backend.js'
import { RingvolError } from '../errors.js'
import { AroundLayer, type Operation, operations } from './forward.js'
import { Held } from './held.js'
import { integer, oneOf, parseOptions, size } from './options.js'
import { type LayerMaker } from './registry.js'

interface RateRule {
  readonly operation: Operation | 'any'
  /** Infinity: no limit. */
  readonly bytesPerMs: number
  readonly requestsPerMs: number
}

/** A timer of Node is never early, often one late, and holds 31 bits. */
const timerStepMs = 1
const longestTimerMs = 2 ** 31 - 1
const catchUpMs = 5

class RateLayer extends AroundLayer {
  readonly #rule: RateRule
  readonly #held = new Held()
  /** When those that are held may go, in order. */
  readonly #due: number[] = []
  #free = 0
  #timer: NodeJS.Timeout | undefined

  constructor(next: Backend, rule: RateRule) {
    super(next, rule.operation)
    this.#rule = rule
  }

  /** One clock means one instance. */
  override get can(): Capabilities {
    return { ...super.can, lanes: false }
  }

  override close(): Promise<void> {
    clearTimeout(this.#timer)
    return super.close()
  }

  protected override around(
    operation: Operation,
    _offset: number,
    length: number,
    forward: () => void | Promise<void>,
  ): void | Promise<void> {
    const { bytesPerMs, requestsPerMs } = this.#rule
    const bytes = movesBytes(operation) ? length : 0
    const now = performance.now()
    this.#free = Math.max(this.#free, now - catchUpMs) + Math.max(bytes / bytesPerMs, 1 / requestsPerMs)
    if (this.#due.length === 0 && this.#free < now + timerStepMs) return forward()
    this.#due.push(this.#free)
    const answer = this.#held.hold(forward)
    this.#wake(now)
    return answer
  }

  #wake(now: number): void {
    const [first] = this.#due
    if (first === undefined) return
    this.#timer ??= setTimeout(this.#release, Math.min(Math.max(first - now, timerStepMs), longestTimerMs))
  }

  readonly #release = (): void => {
    this.#timer = undefined
    const now = performance.now()
    const later = this.#due.findIndex((due) => due >= now + timerStepMs)
    const many = later < 0 ? this.#due.length : later
    this.#due.splice(0, many)
    this.#held.release(many)
    this.#wake(now)
  }
}

const movesBytes = (operation: Operation | 'any'): boolean =>
  operation === 'any' || operation === 'read' || operation === 'write'

/** Options: `bytes` (a size, a second) or `ops` (a second) or both; `op` (one of the operations, default `any`). */
export const rateLayer: LayerMaker = (options) => {
  const {
    bytes,
    ops,
    op = 'any',
  } = parseOptions('rate', options, {
    bytes: size,
    ops: integer(1, 1_000_000_000),
    op: oneOf('any', ...operations),
  })
  if (bytes === undefined && ops === undefined) {
    throw new RingvolError('ERR_USAGE', 'layer rate: there is no limit', {
      advice: 'write rate:bytes=10M or rate:ops=100, which are meant a second',
    })
  }
  if (bytes === 0) throw new RingvolError('ERR_USAGE', 'layer rate: bytes=0 lets nothing through, use layer pause')
  if (bytes !== undefined && !movesBytes(op)) {
    throw new RingvolError('ERR_USAGE', `layer rate: a ${op} moves no bytes`, { advice: 'limit it with ops' })
  }
  const rule: RateRule = {
    operation: op,
    bytesPerMs: (bytes ?? Infinity) / 1000,
    requestsPerMs: (ops ?? Infinity) / 1000,
  }
  return (next) => new RateLayer(next, rule)
}
