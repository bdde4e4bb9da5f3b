/**
 * What switches a layer on and off while the volume runs: a file that is there or not, a signal that alternates, or
 * both, and then it is on while both say so. Without either it is always on.
 *
 * The file is looked at when somebody asks (a stat per request, on a file that nobody keeps on the volume), so it needs
 * no watcher that could be late; a signal is heard from `open` to `close` of the layer. SIGUSR1 is Node's own, and what
 * stops a daemon is not for layers.
 */
import { existsSync } from 'node:fs'
import { type Logger } from '../log.js'
import { oneOf, text } from './options.js'

/** The system ignores the last two where nobody listens; SIGUSR2 ends a process that is not serving yet. */
const signals = ['SIGUSR2', 'SIGURG', 'SIGWINCH'] as const

export interface ToggleOptions {
  /** A path. */
  readonly while?: string
  /** Off until the first one, on until the next, and so on. */
  readonly signal?: (typeof signals)[number]
}

/** The rows of `parseOptions` for layers that can be switched. */
export const toggleOptions = { while: text, signal: oneOf(...signals) }

export class Toggle {
  readonly #options: ToggleOptions
  readonly #what: string
  readonly #logger: Logger
  #signalled = false
  #changed: () => void = () => undefined

  /** `what` names the layer in the log. */
  constructor(options: ToggleOptions, what: string, logger: Logger) {
    this.#options = options
    this.#what = what
    this.#logger = logger
  }

  /** true: a change of the file is seen only by whoever asks. */
  get hasFile(): boolean {
    return this.#options.while !== undefined
  }

  get on(): boolean {
    const { signal, while: file } = this.#options
    if (signal !== undefined && !this.#signalled) return false
    return file === undefined || existsSync(file)
  }

  /** From here on signals are heard; `changed` is called after each. */
  open(changed: () => void = () => undefined): void {
    this.#changed = changed
    if (this.#options.signal !== undefined) process.on(this.#options.signal, this.#onSignal)
  }

  close(): void {
    if (this.#options.signal !== undefined) process.off(this.#options.signal, this.#onSignal)
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#signalled = !this.#signalled
    this.#logger.info(`${this.#what}: ${this.#signalled ? 'on' : 'off'} (${signal})`)
    this.#changed()
  }
}
