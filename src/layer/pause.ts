/**
 * A disk that stops answering and comes back: requests are held while the switch is on, and go down in order when it
 * goes off.
 *
 * A volume that ends by force while requests are held gives up on them after its deadline, as it does with any backend
 * that does not answer.
 */
import { type Backend, type Capabilities } from '../backend/backend.js'
import { RingvolError } from '../errors.js'
import { AroundLayer, type Operation, operations } from './forward.js'
import { Held } from './held.js'
import { oneOf, parseOptions } from './options.js'
import { type LayerMaker } from './registry.js'
import { Toggle, toggleOptions } from './toggle.js'

/** How soon the end of a pause by file is noticed when no request comes by. */
const lookEveryMs = 10

class PauseLayer extends AroundLayer {
  readonly #toggle: Toggle
  readonly #held = new Held()
  #timer: NodeJS.Timeout | undefined

  constructor(next: Backend, operation: Operation | 'any', toggle: Toggle) {
    super(next, operation)
    this.#toggle = toggle
  }

  /** One queue means one order. */
  override get can(): Capabilities {
    return { ...super.can, lanes: false }
  }

  override async open(): Promise<void> {
    await super.open()
    this.#toggle.open(this.#look)
  }

  override close(): Promise<void> {
    this.#toggle.close()
    clearInterval(this.#timer)
    return super.close()
  }

  protected override around(
    _operation: Operation,
    _offset: number,
    _length: number,
    forward: () => void | Promise<void>,
  ): void | Promise<void> {
    // Whoever is held came first, also if the file went this very moment.
    this.#look()
    if (!this.#toggle.on) return forward()
    if (this.#toggle.hasFile) this.#timer ??= setInterval(this.#look, lookEveryMs)
    return this.#held.hold(forward)
  }

  readonly #look = (): void => {
    if (this.#held.size === 0 || this.#toggle.on) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#held.release()
  }
}

/** Options: `while` or `signal` or both, see toggle.ts; `op` (one of the operations, default `any`). */
export const pauseLayer: LayerMaker = (options, { logger }) => {
  const { op = 'any', ...toggle } = parseOptions('pause', options, {
    op: oneOf('any', ...operations),
    ...toggleOptions,
  })
  if (toggle.while === undefined && toggle.signal === undefined) {
    throw new RingvolError('ERR_USAGE', 'layer pause: nothing says when', {
      advice: 'write pause:while=FILE or pause:signal=SIGUSR2',
    })
  }
  return (next) => new PauseLayer(next, op, new Toggle(toggle, 'layer pause', logger))
}
