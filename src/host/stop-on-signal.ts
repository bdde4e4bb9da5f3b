/**
 * What SIGINT, SIGTERM and SIGHUP mean to a serving process.
 *
 * ```
 *  signal          while starting          while serving
 *  first           undo, then end          drain, flush, unmount, end; refused while `volume` is open: keeps serving
 *  second          the same                unmount by force: whoever has `volume` open gets errors
 *  third           end at once             end at once; `ringvol detach` cleans up
 * ```
 *
 * SIGXFSZ means nothing: a write behind the limit on file sizes has EFBIG as its answer. Node ignores it, but packages
 * that clean up at exit take it over and end the process, unless somebody else listens too.
 */
import { constants } from 'node:os'
import { errnoOf } from '../errors.js'
import type { Logger } from '../log.js'
import type { Volume } from '../volume.js'
import { openersBelow } from './holders.js'
import { loopsOver } from './loop.js'
import { Interrupted, onStopSignal, signalExitCode, type StopSignal } from './signals.js'

/** `/dev/loop3, open in fio (pid 12)`: who keeps a volume from being unmounted. */
export const describeUsers = async ({ mountpoint, volume }: Volume['status']): Promise<string> => {
  const loops = await loopsOver(volume)
  const users = [
    ...loops.map(({ device }) => `loop device ${device}`),
    ...(await openersBelow(mountpoint)).map(({ text }) => text),
  ]
  return users.length === 0 ? 'something in another namespace' : users.join(', ')
}

export const isBusy = (error: unknown): boolean => errnoOf(error) === constants.errno.EBUSY

const doNothing = (): void => undefined

export class StopOnSignal {
  readonly #logger: Logger
  readonly #unsubscribe: () => void
  #received = 0
  #last: StopSignal | undefined
  #volume: Volume | undefined
  #forcedBy: StopSignal | undefined

  constructor(logger: Logger) {
    this.#logger = logger
    process.on('SIGXFSZ', doNothing)
    this.#unsubscribe = onStopSignal((signal) => {
      this.#onSignal(signal)
    })
  }

  /** The signal that made the volume end by force, if one did. */
  get forcedBy(): StopSignal | undefined {
    return this.#forcedBy
  }

  /** Between two steps of starting: throws Interrupted if a signal has come. */
  throwIfSignalled(): void {
    if (this.#last !== undefined) throw new Interrupted(this.#last)
  }

  /** From now on a signal stops this volume. */
  watch(volume: Volume): void {
    this.throwIfSignalled()
    this.#volume = volume
  }

  release(): void {
    this.#unsubscribe()
    process.off('SIGXFSZ', doNothing)
  }

  #onSignal(signal: StopSignal): void {
    this.#received += 1
    this.#last = signal
    // The event loop or the kernel does not get on with it: the user has asked three times.
    if (this.#received > 2) process.exit(signalExitCode(signal))
    if (this.#volume === undefined) return
    if (this.#received === 2) this.#forcedBy = signal
    void this.#stop(this.#volume, signal)
  }

  /** Never rejects. What a stop fails with, other than being busy, comes out of `volume.closed`. */
  async #stop(volume: Volume, signal: StopSignal): Promise<void> {
    const force = this.#forcedBy !== undefined
    this.#logger.info(force ? `${signal} again: stopping by force` : `${signal}: flushing and unmounting`)
    try {
      await volume.stop({ force })
    } catch (error) {
      if (!isBusy(error)) return
      const users = await describeUsers(volume.status).catch(() => 'unknown')
      this.#logger.warn(
        `${volume.status.volume} is still open: ${users}; still serving; ` +
          `run 'ringvol detach ${volume.status.name}', or send ${signal} again to force it`,
      )
    }
  }
}
