/**
 * Makes a volume: backend, mount and lanes composed into one exported thing.
 *
 * ```
 *  open backend ─► mount ─► INIT read ─► transport chosen ─► lanes allocated ─► INIT answered ─► lanes run
 * ```
 *
 * Until INIT is answered nothing has been promised, and every failure undoes what was made before it. What comes
 * afterwards, and how it ends, is in volume-life.ts.
 */
import { fstatSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import type { Backend } from './backend/backend.js'
import { checked } from './backend/checked.js'
import { newAttributes } from './dispatcher/attributes.js'
import { newPassthrough, Passthrough } from './dispatcher/passthrough.js'
import { agree, offersPassthrough, offersUring, payloadBytes, receiveInit, sendInit } from './dispatcher/session.js'
import { errnoName, errnoOf, RingvolError } from './errors.js'
import type { LaneHandle, Pending } from './lane/handle.js'
import { type LanesRequest, openLanes } from './lane/open.js'
import { planDepth, planLanes } from './lane/plan.js'
import { silentLogger } from './log.js'
import { addon } from './native/addon.js'
import type { InitRequest } from './protocol/init.js'
import { maxPagesLimit, overIoUring, possibleCpus, probeIoUring } from './transport/capabilities.js'
import { LaneStartError, RunningVolume, type Serving } from './volume-life.js'
import { Limits } from './volume-limits.js'
import type { Volume, VolumeCounters, VolumeOptions, VolumeStatus } from './volume-types.js'
import { chooseCarrier, chooseTransport, type TransportChoice, type TransportFacts } from './transport/choose.js'
import { Mount } from './transport/mount.js'
import type { TransportName } from './transport/transport.js'

export type { Pending, Volume, VolumeCounters, VolumeOptions, VolumeStatus }

const defaultMaxIo = 1024 * 1024

/** Mounts and serves `backend` (opened here, closed when the volume ends). Resolves once INIT is answered. */
export const exportVolume = async (backend: Backend, options: VolumeOptions): Promise<Volume> =>
  exportVolumeAt(backend, { ...options, mountpoint: await realMountpoint(options.mountpoint) })

/**
 * The same at a mountpoint whose symlinks have been resolved: one that is met now was put there since, and is refused.
 */
export const exportVolumeAt = async (backend: Backend, options: VolumeOptions): Promise<Volume> => {
  const safe = checked(backend)
  await safe.open()
  try {
    return await mountAndServe(safe, options)
  } catch (error) {
    await safe.close().catch(() => undefined) // what went wrong first is what the caller must hear
    throw error
  }
}

// Mounting follows no symlink; the user's own are resolved here, once.
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
  const transport = options.transport ?? 'auto'
  try {
    return await attempt(backend, options, transport)
  } catch (error) {
    // Rings were promised and could not all be set up: the connection is lost, but the volume need not be.
    if (!(error instanceof LaneStartError) || transport !== 'auto') throw error
    options.logger?.warn({ reason: error.message }, 'FUSE-over-io_uring could not be set up: using classic instead')
    return attempt(backend, options, 'classic')
  }
}

const attempt = async (
  backend: Backend,
  options: VolumeOptions,
  transport: TransportName | 'auto',
): Promise<Volume> => {
  const readOnly = options.readOnly === true || !backend.can.write
  const logger = options.logger ?? silentLogger
  const mount = Mount.open({
    mountpoint: options.mountpoint,
    source: options.name ?? backend.name,
    readOnly,
    allowOther: options.allowOther ?? false,
  })
  let lanes: LaneHandle[] = []
  let limits: Limits | undefined
  try {
    const init = receiveInit(mount.deviceFd)
    const facts = gatherFacts(init, backend)
    const choice = chooseTransport(transport, facts)
    const answer = agree(init, {
      carrier: choice.carrier,
      passthrough: choice.transport === 'passthrough',
      maxIo: options.maxIo ?? defaultMaxIo,
      pagesLimit: maxPagesLimit(),
    })
    const passthrough = newPassthrough()
    limits = Limits.open(mount, options, logger)
    const serving = { backend, mount, choice, options, readOnly, logger, limits }
    lanes = await openLanes(planned(serving, passthrough, payloadBytes(answer)))
    sendInit(mount.deviceFd, init, answer)
    const final = choice.transport === 'passthrough' ? passOn(serving, passthrough, facts) : choice
    return await RunningVolume.start({ ...serving, choice: final, lanes })
  } catch (error) {
    // Undone whatever happens on the way, and what went wrong first is what the caller must hear.
    await Promise.allSettled(lanes.map((lane) => lane.close()))
    limits?.close()
    await mount.unmount({ lazy: true }).catch(() => undefined)
    mount.close()
    throw error
  }
}

const gatherFacts = (init: InitRequest, { file }: Backend): TransportFacts => ({
  offersUring: offersUring(init),
  offersPassthrough: offersPassthrough(init),
  file: file === undefined ? 'none' : fstatSync(file.fd).isFile() ? 'regular' : 'device',
  fileAlignment: file === undefined ? 1 : addon().directAlignment(file.fd),
  overIoUring: overIoUring(),
  ioUring: probeIoUring(),
})

/** Hands the image to the kernel. What it refuses it only says now, after INIT; then the carrier does the data too. */
const passOn = (
  { backend, mount, choice, options, logger }: Omit<Serving, 'lanes'>,
  memory: SharedArrayBuffer,
  facts: TransportFacts,
): TransportChoice => {
  try {
    new Passthrough(memory).enable(mount.openBacking(backend.file?.fd ?? -1))
    return choice
  } catch (cause) {
    const why = `the kernel refused passthrough on this image (${errnoName(errnoOf(cause) ?? 0)})`
    if (options.transport === 'passthrough') {
      throw new RingvolError('ERR_TRANSPORT', why, { advice: 'use --transport auto', cause })
    }
    logger.warn(`${why}: using ${choice.carrier} instead`)
    const { reason } = chooseCarrier(facts)
    return { transport: choice.carrier, carrier: choice.carrier, reason: `${why}; ${reason}` }
  }
}

/** What the lanes are to be opened with. */
const planned = (serving: Omit<Serving, 'lanes'>, passthrough: SharedArrayBuffer, maxPayload: number): LanesRequest => {
  const { backend, mount, choice, options, readOnly, logger, limits } = serving
  const transport = choice.carrier
  const cpus = possibleCpus()
  const requested = options.lanes ?? 'auto'
  // Bytes that go through JavaScript have its one thread.
  const manyThreads = backend.can.lanes && backend.file !== undefined
  const plan = planLanes(requested, { transport, cpus, manyThreads })
  if (requested !== 'auto' && plan.length < requested) {
    logger.warn(`${backend.name} runs on ${String(plan.length)} of the ${String(requested)} lanes asked for`)
  }
  const depth = planDepth(options.queueDepth ?? 'auto', { cpus, lanes: plan.length, maxPayload })
  const mode = options.mode ?? 0o600
  return {
    plan,
    mount,
    options: {
      transport,
      // Only uring has a queue per CPU; on /dev/fuse the lanes share what all of them would have.
      depth: transport === 'uring' ? depth : Math.ceil((depth * cpus) / plan.length),
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
    passthrough,
    readOnly,
    logger,
    heart: limits?.heart,
  }
}
