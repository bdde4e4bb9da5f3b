/**
 * A volume: backend, mount and lanes composed into one exported thing, and its orderly end.
 *
 * ```
 *  open backend ─► mount ─► INIT read ─► transport chosen, lane allocated ─► INIT answered ─► lane runs
 *                                                                                                │
 *  device closed ◄─ backend closed ◄─ lane closed ◄─ flushed ◄─ drained ◄─ unmounted by stop() or from outside
 * ```
 *
 * Until INIT is answered nothing has been promised, and every failure undoes what was made before it. Afterwards there
 * is one way out, taken by stop(), by an unmount from outside and by an abort alike.
 */
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { Backend } from './backend/backend.js'
import { newAttributes } from './dispatcher/attributes.js'
import { volumeName } from './dispatcher/namespace.js'
import { agree, offersUring, payloadBytes, receiveInit, sendInit } from './dispatcher/session.js'
import { errnoName, errnoOf, RingvolError } from './errors.js'
import { drain } from './lane/drain.js'
import { Lane } from './lane/lane.js'
import { type Logger, silentLogger } from './log.js'
import { maxPagesLimit, overIoUring, possibleCpus, probeIoUring } from './transport/capabilities.js'
import { chooseTransport, type TransportChoice } from './transport/choose.js'
import { Mount } from './transport/mount.js'
import type { TransportName } from './transport/transport.js'

export interface VolumeOptions {
  /** An existing directory. */
  readonly mountpoint: string
  /** Default: the backend's name. Shown in /proc/mounts and in `list`. */
  readonly name?: string
  /** Where the blocks come from, as given by the user; for `status`. Default: the backend's name. */
  readonly source?: string
  /** Default `auto`: the best one this kernel offers. Forcing one that is unavailable throws ERR_TRANSPORT. */
  readonly transport?: TransportName | 'auto'
  /** Threads; default `auto`. */
  readonly lanes?: number | 'auto'
  /** Slots per kernel queue; default `auto`. */
  readonly queueDepth?: number | 'auto'
  /** Bytes; default 1 MiB, also bounded by the sysctl fs.fuse.max_pages_limit. */
  readonly maxIo?: number
  readonly readOnly?: boolean
  readonly allowOther?: boolean
  /** Permission bits of `volume`; default 0o600, without write bits when read-only. */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly logger?: Logger
}

/** The shape that `serve` prints, `list --json` lists and `info --json` shows. Fields are added, never renamed. */
export interface VolumeStatus {
  readonly name: string
  readonly source: string
  /** Bytes. */
  readonly size: number
  readonly mountpoint: string
  /** Path of the file to give to losetup. */
  readonly volume: string
  readonly device: string | null
  readonly pid: number
  readonly transport: TransportName
  /** Why this transport: one sentence. */
  readonly reason: string
  readonly lanes: number
  readonly readOnly: boolean
  /** ISO 8601 */
  readonly startedAt: string
}

/** Counts since the start, bytes where the name says so; names as in `laneCounters` of native/addon.ts. */
export type VolumeCounters = Readonly<Record<string, number>>

export interface Volume extends AsyncDisposable {
  readonly status: VolumeStatus
  /** What the ring uses, and what this kernel refused it. */
  readonly features: { readonly used: readonly string[]; readonly missing: readonly string[] }
  counters(): VolumeCounters
  /** Settles when the volume is gone: after stop(), an unmount from outside, or an abort. Rejects if the last flush failed. */
  readonly closed: Promise<void>
  /** Refuses while `volume` is open elsewhere (EBUSY, ERR_MOUNT) unless `force`; else drains, flushes, unmounts. */
  stop(options?: { force?: boolean }): Promise<void>
}

const defaultMaxIo = 1024 * 1024
/** Slots per queue. 64 on each CPU's queue keep a loop device at depth 1024 busy (docs/benchmark.md). */
const defaultDepth = 64
/** For requests that a backend does not answer while the volume is taken down by force. */
const forcedDrainMs = 5_000
const drainMs = 60_000

interface Parts {
  readonly backend: Backend
  readonly mount: Mount
  readonly lane: Lane
  readonly choice: TransportChoice
  readonly options: VolumeOptions
  readonly logger: Logger
}

/** Mounts and serves `backend` (opened here, closed when the volume ends). Resolves once INIT is answered. */
export const exportVolume = async (backend: Backend, options: VolumeOptions): Promise<Volume> => {
  await backend.open()
  try {
    return await mountAndServe(backend, { ...options, mountpoint: await realMountpoint(options.mountpoint) })
  } catch (error) {
    await backend.close()
    throw error
  }
}

// mount(2) is told not to follow a symlink at the end of the path; the user's own symlinks are resolved here, once.
const realMountpoint = async (path: string): Promise<string> => {
  try {
    return await realpath(path)
  } catch (cause) {
    throw new RingvolError('ERR_MOUNTPOINT', `cannot mount on ${path}: ${errnoName(errnoOf(cause) ?? 0)}`, {
      advice: 'the mountpoint must be an existing directory',
      path,
      cause,
    })
  }
}

const mountAndServe = async (backend: Backend, options: VolumeOptions): Promise<Volume> => {
  try {
    return await attempt(backend, options, options.transport ?? 'auto')
  } catch (error) {
    // Rings were promised and could not all be set up: the connection is lost, but the volume need not be.
    if (!(error instanceof LaneStartError) || (options.transport ?? 'auto') !== 'auto') throw error
    options.logger?.warn({ reason: error.message }, 'FUSE-over-io_uring could not be set up: using classic instead')
    return attempt(backend, options, 'classic')
  }
}

class LaneStartError extends RingvolError {}

const attempt = async (
  backend: Backend,
  options: VolumeOptions,
  transport: TransportName | 'auto',
): Promise<Volume> => {
  const logger = options.logger ?? silentLogger
  const readOnly = options.readOnly === true || !backend.can.write
  const mount = Mount.open({
    mountpoint: options.mountpoint,
    source: options.name ?? backend.name,
    readOnly,
    allowOther: options.allowOther ?? false,
  })
  let lane: Lane | undefined
  try {
    const init = receiveInit(mount.deviceFd)
    const facts = { offersUring: offersUring(init), overIoUring: overIoUring(), ioUring: probeIoUring() }
    const choice = chooseTransport(transport, facts)
    const answer = agree(init, {
      transport: choice.transport,
      maxIo: options.maxIo ?? defaultMaxIo,
      pagesLimit: maxPagesLimit(),
    })
    lane = newLane({ backend, mount, options, readOnly, choice, maxPayload: payloadBytes(answer), logger })
    sendInit(mount.deviceFd, init, answer)
    const parts = { backend, mount, lane, choice, options: { ...options, readOnly }, logger }
    return await RunningVolume.start(parts)
  } catch (error) {
    lane?.close()
    await mount.unmount({ lazy: true })
    mount.close()
    throw error
  }
}

interface LaneRequest extends Omit<Parts, 'lane'> {
  readonly readOnly: boolean
  readonly maxPayload: number
}

const newLane = ({ backend, mount, options, readOnly, choice, maxPayload, logger }: LaneRequest): Lane => {
  const cpus = possibleCpus()
  const perQueue = options.queueDepth === undefined || options.queueDepth === 'auto' ? defaultDepth : options.queueDepth
  const mode = options.mode ?? 0o600
  return new Lane({
    options: {
      transport: choice.transport,
      deviceFd: mount.deviceFd,
      queues: Array.from({ length: cpus }, (_, cpu) => cpu),
      depth: choice.transport === 'uring' ? perQueue : perQueue * cpus,
      maxPayload,
      file: backend.file,
      without: (process.env['RINGVOL_WITHOUT'] ?? '').split(',').filter((word) => word !== ''),
    },
    backend,
    attributes: newAttributes(
      readOnly ? mode & ~0o222 : mode,
      options.uid ?? process.getuid?.() ?? 0,
      options.gid ?? process.getgid?.() ?? 0,
    ),
    readOnly,
    logger,
  })
}

class RunningVolume implements Volume {
  readonly status: VolumeStatus
  readonly closed: Promise<void>
  readonly #parts: Parts
  #force = false

  private constructor(parts: Parts, connection: Promise<number>) {
    const { backend, mount, choice, options } = parts
    this.#parts = parts
    this.status = {
      name: options.name ?? backend.name,
      source: options.source ?? backend.name,
      size: backend.size,
      mountpoint: mount.mountpoint,
      volume: join(mount.mountpoint, volumeName),
      device: null,
      pid: process.pid,
      transport: choice.transport,
      reason: choice.reason,
      lanes: 1,
      readOnly: options.readOnly ?? false,
      startedAt: new Date().toISOString(),
    }
    this.closed = connection.then((errno) => this.#finish(errno))
    this.closed.catch(() => undefined) // reported to whoever awaits `closed`; an unhandled rejection would end the process
  }

  /** Throws LaneStartError when the kernel refused the lane's first operations. */
  static async start(parts: Parts): Promise<RunningVolume> {
    const connection = parts.lane.start()
    const early = await Promise.race([
      connection,
      new Promise<undefined>((resolve) => {
        setImmediate(() => {
          resolve(undefined)
        })
      }),
    ])
    if (early !== undefined) {
      throw new LaneStartError(
        'ERR_TRANSPORT',
        `transport ${parts.choice.transport} did not start: ${errnoName(early)}`,
        {
          errno: early,
          advice: 'use --transport classic',
        },
      )
    }
    return new RunningVolume(parts, connection)
  }

  get features(): { used: readonly string[]; missing: readonly string[] } {
    return { used: this.#parts.lane.features, missing: this.#parts.lane.missing }
  }

  counters(): VolumeCounters {
    return this.#parts.lane.counters()
  }

  async stop({ force = false }: { force?: boolean } = {}): Promise<void> {
    this.#force ||= force
    await this.#parts.mount.unmount({ lazy: force })
    if (force) {
      // A lazy unmount leaves the connection up for whoever has the volume open: finish their requests, then end it.
      const drained = await drain([this.#parts.lane], forcedDrainMs)
      if (!drained) this.#parts.logger.warn('requests were still unanswered after 5 s: their callers get an error')
      await this.#finish(0)
      return
    }
    await this.closed
  }

  #finishing: Promise<void> | undefined

  #finish(errno: number): Promise<void> {
    return (this.#finishing ??= this.#takeDown(errno))
  }

  async #takeDown(errno: number): Promise<void> {
    const { backend, mount, lane, logger, options } = this.#parts
    logger.debug({ reason: errno === 0 ? 'forced' : errnoName(errno) }, 'connection ended')
    if (!this.#force && !(await drain([lane], drainMs))) logger.warn('backend did not answer: giving up on it')
    const failures: unknown[] = []
    const step = async (run: () => unknown): Promise<void> => {
      try {
        await run()
      } catch (error) {
        failures.push(error)
      }
    }
    await step(() => (options.readOnly === true || !backend.can.flush ? undefined : backend.flush?.()))
    await step(() => {
      lane.close()
    })
    await step(() => mount.unmount({ lazy: true }))
    await step(() => {
      mount.close()
    })
    await step(() => backend.close())
    if (failures.length > 0) throw failures[0]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
