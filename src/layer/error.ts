/**
 * A failing disk, on command: requests that match are answered with an errno and do not go down.
 *
 * What matches is the conjunction of the options, so a test can say "the third write to this sector" or "one flush in
 * ten while this file exists" or "nothing until I send a signal". Random choices come from a seed that is logged and
 * can be given again.
 */
import { constants } from 'node:os'
import { type Backend, type Capabilities } from '../backend/backend.js'
import { errnoName, RingvolError } from '../errors.js'
import { AroundLayer, type Operation, operations } from './forward.js'
import { errno, fraction, integer, oneOf, parseOptions, size } from './options.js'
import { type LayerMaker } from './registry.js'
import { Toggle, toggleOptions } from './toggle.js'

interface ErrorRule {
  readonly operation: Operation | 'any'
  readonly errno: number
  /** Only the nth match, counted from 1; undefined: each. */
  readonly nth: number | undefined
  readonly probability: number
  /** The range a request has to touch, bytes; `flush` touches everything. */
  readonly start: number
  readonly end: number
  readonly seed: number
}

/** Of the Lehmer generator `next = state * 48271 mod (2^31 - 1)`: exact in doubles, good enough to pick victims. */
const modulus = 2 ** 31 - 1

class ErrorLayer extends AroundLayer {
  readonly #rule: ErrorRule
  readonly #toggle: Toggle
  #state: number
  #matches = 0

  constructor(next: Backend, rule: ErrorRule, toggle: Toggle) {
    super(next, rule.operation)
    this.#rule = rule
    this.#toggle = toggle
    this.#state = rule.seed
  }

  /** One counter and one seed mean one instance. */
  override get can(): Capabilities {
    return { ...super.can, lanes: false }
  }

  override async open(): Promise<void> {
    await super.open()
    this.#toggle.open()
  }

  override close(): Promise<void> {
    this.#toggle.close()
    return super.close()
  }

  protected override around(
    operation: Operation,
    offset: number,
    length: number,
    forward: () => void | Promise<void>,
  ): void | Promise<void> {
    if (!this.#hits(offset, length)) return forward()
    const { errno } = this.#rule
    const what = `${operation} of ${String(length)} bytes at ${String(offset)}`
    throw new RingvolError('ERR_BACKEND', `${this.name}: ${what}: injected ${errnoName(errno)}`, { errno })
  }

  #hits(offset: number, length: number): boolean {
    const { start, end, nth, probability } = this.#rule
    if (offset >= end || offset + length <= start) return false
    if (!this.#toggle.on) return false
    this.#matches += 1
    if (nth !== undefined) return this.#matches === nth
    return probability === 1 || this.#random() < probability
  }

  /** 0 ≤ result < 1 */
  #random(): number {
    this.#state = (this.#state * 48271) % modulus
    return (this.#state - 1) / (modulus - 1)
  }
}

/**
 * Options, all optional: `op` (default `any`), `errno` (default EIO), `nth` or `probability` (default: each match),
 * `offset` and `length` (default: to the end of the volume), `while` and `signal` (see toggle.ts), `seed`.
 */
export const errorLayer: LayerMaker = (options, { logger }) => {
  const parsed = parseOptions('error', options, {
    op: oneOf('any', ...operations),
    errno,
    nth: integer(1, Number.MAX_SAFE_INTEGER),
    probability: fraction,
    offset: size,
    length: size,
    ...toggleOptions,
    seed: integer(1, modulus - 1),
  })
  if (parsed.nth !== undefined && parsed.probability !== undefined) {
    throw new RingvolError('ERR_USAGE', 'layer error: nth and probability exclude each other')
  }
  const { probability = 1, offset = 0 } = parsed
  const rule: ErrorRule = {
    operation: parsed.op ?? 'any',
    errno: parsed.errno ?? constants.errno.EIO,
    nth: parsed.nth,
    probability,
    start: offset,
    end: parsed.length === undefined ? Infinity : offset + parsed.length,
    seed: parsed.seed ?? 1 + Math.floor(Math.random() * (modulus - 2)),
  }
  if (probability < 1) logger.info(`layer error: seed=${String(rule.seed)}`)
  return (next) => new ErrorLayer(next, rule, new Toggle(parsed, 'layer error', logger))
}
