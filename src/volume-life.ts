/**
 * A volume that runs, and its orderly end.
 *
 * ```
 *  running ─► unmounted (stop, or somebody outside) ─► drained ─► flushed ─► lanes, mount, device, backend closed
 *     └─────► aborted (fusectl, a lane died, stop by force) ──────┘
 * ```
 *
 * There is one way out, taken in every case: whatever ended the connection, what was written reaches the backend's
 * flush, and a failure of that flush is the result of the volume.
 */
import { setImmediate } from 'node:timers/promises'
import { join } from 'node:path'
import type { Backend } from './backend/backend.js'
import { orLate } from './deadline.js'
import { volumeName } from './dispatcher/namespace.js'
import { errnoName, RingvolError } from './errors.js'
import type { LaneHandle, Pending } from './lane/handle.js'
import type { Logger } from './log.js'
import type { TransportChoice } from './transport/choose.js'
import type { Mount } from './transport/mount.js'
import type { Limits } from './volume-limits.js'
import type { Volume, VolumeCounters, VolumeOptions, VolumeStatus } from './volume-types.js'

/** For requests that a backend does not answer: while the volume is taken down by force, and otherwise. */
const forcedDrainMs = 5_000
/** After a request timed out: the connection is gone, so this only lets go in order what ends by itself. */
const expiredDrainMs = 1_000
const drainMs = 60_000
const lostDrainMs = 1_000

export interface Serving {
  readonly backend: Backend
  readonly mount: Mount
  readonly lanes: readonly LaneHandle[]
  readonly choice: TransportChoice
  readonly options: VolumeOptions
  readonly readOnly: boolean
  readonly logger: Logger
  readonly limits?: Limits | undefined
}

/** The kernel refused the first operations of a lane after INIT was answered; the connection cannot be used. */
export class LaneStartError extends RingvolError {}

const statusOf = ({ backend, mount, lanes, choice, options, readOnly }: Serving): VolumeStatus => ({
  name: options.name ?? backend.name,
  source: options.source ?? backend.name,
  size: backend.size,
  mountpoint: mount.mountpoint,
  volume: join(mount.mountpoint, volumeName),
  device: null,
  pid: process.pid,
  transport: choice.transport,
  reason: choice.reason,
  lanes: lanes.length,
  readOnly,
  image: 'unchanged',
  startedAt: new Date().toISOString(),
})

/** Throws ERR_BACKEND when `run` has not settled after so many milliseconds. */
const within = async (deadlineMs: number, what: string, run: () => unknown): Promise<void> => {
  const late = Symbol('late')
  if ((await orLate(run(), deadlineMs, late)) === late) {
    throw new RingvolError('ERR_BACKEND', `${what} did not end in ${String(deadlineMs / 1000)} s`)
  }
}

/**
 * false: an operation on the image has not ended. A lane that died says so only here if the others, whose connection
 * ended with it, were heard first.
 */
const closeAll = async (lanes: readonly LaneHandle[]): Promise<boolean> => {
  const closed = await Promise.allSettled(lanes.map((lane) => lane.close()))
  const failed = closed.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return closed.every((result) => result.status === 'fulfilled' && result.value)
}

export class RunningVolume implements Volume {
  readonly #status: VolumeStatus
  readonly closed: Promise<void>
  readonly #serving: Serving
  #finishing: Promise<void> | undefined
  /** Settles `closed` after a forced stop: lanes that are closed by us report no end of the connection. */
  #endByForce: () => void = () => undefined
  /** Why it ended, if that is an error by itself. */
  #failure: RingvolError | undefined

  private constructor(serving: Serving, connection: Promise<number>) {
    this.#serving = serving
    this.#status = statusOf(serving)
    const forced = new Promise<number>((resolve) => {
      this.#endByForce = () => {
        resolve(0)
      }
    })
    this.closed = Promise.race([connection, forced]).then(
      (errno) => this.#finish(drainMs, errnoName(errno)),
      async (error: unknown) => {
        // Requests that were with the dead lane are never answered, so nothing is gained by waiting for them.
        await this.#finish(lostDrainMs, 'a lane died').catch(() => undefined) // what went wrong first is the result
        throw error
      },
    )
    // Reported to whoever awaits `closed`; nobody has to, and an unhandled rejection would end the process.
    this.closed.catch(() => undefined)
    serving.limits?.start(
      this.status.name,
      serving.lanes.length > 1 ? 1 + serving.lanes.length : 1, // a single lane runs on this thread
      () => this.pending(),
      () => {
        this.#expire()
      },
    )
  }

  /** Throws LaneStartError when the connection ended at once. */
  static async start(serving: Serving): Promise<RunningVolume> {
    const connection = Promise.race(serving.lanes.map((lane) => lane.start()))
    const begun = Promise.all(serving.lanes.map((lane) => lane.begun())).then(() => setImmediate(undefined))
    const early = await Promise.race([connection, begun])
    if (early === undefined) return new RunningVolume(serving, connection)
    const { transport } = serving.choice
    throw new LaneStartError('ERR_TRANSPORT', `transport ${transport} did not start: ${errnoName(early)}`, {
      errno: early,
      advice: 'use --transport classic',
    })
  }

  get status(): VolumeStatus {
    return { ...this.#status, image: this.#serving.backend.changed === true ? 'changed' : 'unchanged' }
  }

  get features(): Volume['features'] {
    const [lane] = this.#serving.lanes
    return { used: lane?.features ?? [], missing: lane?.missing ?? [] }
  }

  counters(): VolumeCounters {
    const sums: Record<string, number> = {}
    for (const lane of this.#serving.lanes) {
      for (const [name, value] of Object.entries(lane.counters())) {
        const before = sums[name] ?? 0
        // An errno is not a count: any lane's last one, rather than a number that means something else.
        sums[name] = name === 'lastFileErrno' ? value || before : before + value
      }
    }
    return sums
  }

  pending(): Pending {
    const lanes = this.#serving.lanes.map((lane) => lane.pending())
    const ages = lanes.flatMap(({ oldestMs }) => oldestMs ?? [])
    return {
      inFlight: lanes.reduce((sum, { inFlight }) => sum + inFlight, 0),
      oldestMs: ages.length === 0 ? null : Math.max(...ages),
    }
  }

  async stop({ force = false }: { force?: boolean } = {}): Promise<void> {
    // The connection ends first: what it took in after the last flush would be answered and never flushed. Unmounting
    // lazily would leave it up for whoever has the volume open, and waits for threads that may all stand still.
    if (!force) {
      await this.#serving.mount.unmount({ lazy: false })
    } else if (this.#finishing === undefined) {
      this.#abort()
      void this.#finish(forcedDrainMs, 'stopped by force').catch(() => undefined) // `closed` rejects with it
      this.#endByForce()
    } else {
      await this.closed.catch(() => undefined) // it comes below
      await this.#serving.mount.unmount({ lazy: true }) // if that had failed
    }
    await this.closed
  }

  /** The oldest request is over the limit: everybody gets an error, and nothing is taken in any more. */
  #expire(): void {
    const { limits, backend, logger } = this.#serving
    if (limits === undefined || this.#finishing !== undefined) return
    const seconds = String(limits.requestMs / 1000)
    this.#failure = new RingvolError('ERR_BACKEND', `${backend.name} did not answer a request in ${seconds} s`, {
      advice: 'the volume was ended, see docs/durability.md; raise --request-timeout if it is just slow',
    })
    logger.error(this.#failure.message)
    this.#abort()
    void this.#finish(expiredDrainMs, 'a request timed out').catch(() => undefined) // `closed` rejects with it
    this.#endByForce()
  }

  /** Everybody gets an error, and nothing is taken in any more. Without controls only taking down the lanes does that. */
  #abort(): void {
    const { limits, mount, logger } = this.#serving
    try {
      if (limits === undefined) mount.abort()
      else limits.abort()
    } catch (error) {
      logger.error(`cannot abort the connection: ${String(error)}`)
    }
  }

  #finish(deadlineMs: number, reason: string): Promise<void> {
    return (this.#finishing ??= this.#takeDown(deadlineMs, reason))
  }

  async #takeDown(deadlineMs: number, reason: string): Promise<void> {
    const { backend, mount, lanes, logger, readOnly, limits } = this.#serving
    logger.debug({ reason }, 'connection ended')
    if (limits?.fired === true) {
      this.#failure = new RingvolError('ERR_DAEMON', 'the watchdog ended the volume: a thread of it stood still', {
        advice: 'a backend that computes for long blocks all requests; see --watchdog',
      })
    }
    const drained = !(await Promise.all(lanes.map((lane) => lane.drain(deadlineMs)))).includes(false)
    if (!drained) logger.warn('the backend did not answer in time: giving up on its requests')
    // A backend that answers may take as long as it needs; of one that does not, nothing more can be expected.
    const ask = (what: string, run: () => unknown): unknown =>
      drained ? run() : within(deadlineMs, `${what} of ${backend.name}`, run)
    let settled = false
    const steps: (() => unknown)[] = [
      () => (readOnly || !backend.can.flush ? undefined : ask('the last flush', () => backend.flush?.())),
      async () => {
        settled = await closeAll(lanes)
      },
      () => ask('unmounting', () => mount.unmount({ lazy: true })),
      () => {
        mount.close()
        limits?.close()
      },
      // A write may still happen: the image stays locked until it has, which is when the process ends.
      () => (settled ? ask('closing', () => backend.close()) : this.#unsettled()),
    ]
    const failures: unknown[] = this.#failure === undefined ? [] : [this.#failure]
    for (const step of steps) {
      try {
        await step()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  #unsettled(): never {
    throw new RingvolError('ERR_BACKEND', `operations on ${this.#serving.backend.name} have not ended`, {
      advice: 'it stays locked until they have',
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
