/**
 * Two limits on waiting, so that nobody hangs on a volume for ever: on a request that the backend does not answer, and
 * on an event loop that does not go round.
 *
 * Both end the whole connection, as the kernel's own request timeout does. A single request cannot be given up: what
 * has its memory, a backend or the ring, may still write it into the image or read it from there, so neither the slot
 * nor the range may be used again. On a connection that is gone nothing is: docs/durability.md.
 *
 * The controls of the connection are opened at the start, since opening a file can wait for the very thing that stands
 * still.
 */
import { errnoName, errnoOf } from './errors.js'
import type { Heart, Pending } from './lane/handle.js'
import type { Logger } from './log.js'
import { addon } from './native/addon.js'
import { kernelRequestTimeout } from './transport/capabilities.js'
import type { Mount } from './transport/mount.js'
import type { VolumeOptions } from './volume-types.js'

const defaultWatchdogSeconds = 60
/** Beats within the watchdog's limit: twice as many as it looks, so that every look finds a new one. */
const beats = 16

const milliseconds = (limit: number | 'off'): number => (limit === 'off' ? 0 : limit * 1000)

/** Seconds that hold: ours must come before the kernel's, which says nothing about the reason. */
export const boundedTimeout = (wanted: number | 'off', kernel: number): number | 'off' =>
  wanted === 'off' || kernel === 0 || wanted < kernel ? wanted : Math.max(1, Math.floor(kernel * 0.9))

const requestTimeout = ({ requestTimeout = 'off' }: VolumeOptions, logger: Logger): number => {
  const kernel = kernelRequestTimeout()
  const bounded = boundedTimeout(requestTimeout, kernel)
  if (bounded !== requestTimeout) {
    logger.warn(
      `the request timeout is ${String(bounded)} s instead of ${String(requestTimeout)} s: ` +
        `the kernel ends the volume after ${String(kernel)} s (fs.fuse.default_request_timeout, max_request_timeout)`,
    )
  }
  return milliseconds(bounded)
}

export class Limits {
  readonly requestMs: number
  readonly #watchdogMs: number
  readonly #control: number
  readonly #timers: NodeJS.Timeout[] = []
  #closed = false

  private constructor(control: number, requestMs: number, watchdogMs: number) {
    this.#control = control
    this.requestMs = requestMs
    this.#watchdogMs = watchdogMs
  }

  /** Undefined when both limits are off, or, with one warning, when the kernel gives no controls. */
  static open(mount: Mount, options: VolumeOptions, logger: Logger): Limits | undefined {
    const requestMs = requestTimeout(options, logger)
    const watchdogMs = milliseconds(options.watchdog ?? defaultWatchdogSeconds)
    if (requestMs === 0 && watchdogMs === 0) return undefined
    try {
      return new Limits(addon().openControl(mount.connection), requestMs, watchdogMs)
    } catch (cause) {
      const reason = errnoName(errnoOf(cause) ?? 0)
      logger.warn(`cannot open the controls of the connection (fusectl): ${reason}; no watchdog and no request timeout`)
      return undefined
    }
  }

  /** For the threads of the lanes; undefined without a watchdog. */
  get heart(): Heart | undefined {
    return this.#watchdogMs === 0 ? undefined : { control: this.#control, everyMs: this.#watchdogMs / beats }
  }

  /** `loops`: threads that serve, this one among them. `expired`: the oldest request is over the limit. */
  start(name: string, loops: number, pending: () => Pending, expired: () => void): void {
    const { heart } = this
    if (heart !== undefined) {
      const limit = String(this.#watchdogMs / 1000)
      const says = `ringvol: volume ${name}: a thread stood still for ${limit} s while requests waited: aborted\n`
      addon().watch(this.#control, loops, this.#watchdogMs, says)
      this.#every(heart.everyMs, () => {
        addon().beat(this.#control, 0)
      })
    }
    if (this.requestMs > 0) {
      this.#every(Math.min(1000, this.requestMs / 4), () => {
        if ((pending().oldestMs ?? 0) >= this.requestMs) expired()
      })
    }
  }

  #every(everyMs: number, action: () => void): void {
    this.#timers.push(setInterval(action, everyMs).unref())
  }

  /** true when it was the watchdog that ended the connection. */
  get fired(): boolean {
    return !this.#closed && addon().watchdogFired(this.#control)
  }

  abort(): void {
    addon().abortControl(this.#control)
  }

  /** Stops watching. Idempotent. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const timer of this.#timers) clearInterval(timer)
    addon().closeControl(this.#control)
  }
}
