/**
 * The volumes of this machine, as their folders and the kernel tell: state from disk, life from /proc, the device from
 * sysfs, so that a loop device somebody attached by hand shows too.
 */
import { realpath } from 'node:fs/promises'
import { RingvolError } from '../errors.js'
import type { Volume, VolumeCounters, VolumeStatus } from '../volume.js'
import { askStatus, type ControlStatus } from './control.js'
import { deadlines } from './deadlines.js'
import { isAlive } from './process.js'
import { systemRoots, type Roots } from './roots.js'
import { listNames, readState, volumePaths, type VolumeState } from './state.js'
import { loopsOf } from './volume-loops.js'

export interface ListedVolume extends VolumeStatus {
  /**
   * `silent`: its daemon lives and does not answer, because it is stopped, stuck or on its way out. `dead`: its daemon
   * is gone, `ringvol detach` cleans up.
   */
  readonly state: 'serving' | 'silent' | 'dead'
  /** Requests taken in and not answered; null unless serving. */
  readonly inFlight: number | null
  /** Age of the oldest of them in milliseconds; null when there is none. */
  readonly oldestRequestMs: number | null
}

/** States of all volumes, also of those that are just starting. */
export const listStates = async (roots: Roots = systemRoots()): Promise<VolumeState[]> => {
  const states = await Promise.all((await listNames(roots)).map((name) => readState(volumePaths(name, roots))))
  return states.filter((state) => state !== undefined)
}

const deviceOf = async (state: VolumeState, roots: Roots): Promise<string | null> =>
  (await loopsOf(state, roots))[0]?.device ?? null

interface Look {
  readonly listed: ListedVolume
  /** What the daemon said; the error if it lives and does not answer; undefined if it is dead. */
  readonly live: ControlStatus | Error | undefined
}

const lookAt = async (state: VolumeState, status: VolumeStatus, deadline: number, roots: Roots): Promise<Look> => {
  const alive = await isAlive(state.owner, roots)
  const { control } = volumePaths(state.name, roots)
  const live = alive
    ? await askStatus(control, deadline).catch((error: unknown) =>
        error instanceof Error ? error : new Error(String(error)),
      )
    : undefined
  const serving = live !== undefined && !(live instanceof Error)
  const listed = {
    ...status,
    device: await deviceOf(state, roots),
    image: serving ? live.status.image : status.image,
    state: serving ? ('serving' as const) : alive ? ('silent' as const) : ('dead' as const),
    inFlight: serving ? live.pending.inFlight : null,
    oldestRequestMs: serving ? live.pending.oldestMs : null,
  }
  return { listed, live }
}

/** Volumes that serve, or did when their daemon died, by name. */
export const listVolumes = async (roots: Roots = systemRoots()): Promise<ListedVolume[]> => {
  const looks = (await listStates(roots)).flatMap((state) =>
    state.status === null ? [] : [lookAt(state, state.status, deadlines.glance, roots)],
  )
  return (await Promise.all(looks)).map(({ listed }) => listed)
}

/** Name of the volume that a user means by its name, its loop device or its mountpoint; undefined if none. */
export const findVolume = async (target: string, roots: Roots = systemRoots()): Promise<string | undefined> => {
  const states = await listStates(roots)
  if (states.some((state) => state.name === target)) return target
  if (!target.includes('/')) return undefined
  const path = await realpath(target).catch(() => target)
  for (const state of states) {
    if (state.mountpoint === path || (await deviceOf(state, roots)) === path) return state.name
  }
  return undefined
}

export interface VolumeInfo extends ListedVolume {
  /** As given on the command line. */
  readonly options: Readonly<Record<string, unknown>>
  /** null if the daemon is dead. */
  readonly counters: VolumeCounters | null
  /** What the ring uses, and what this kernel refused it; null if the daemon is dead. */
  readonly features: Volume['features'] | null
}

/** Throws ERR_NOT_RUNNING, ERR_DAEMON. */
export const volumeInfo = async (name: string, roots: Roots = systemRoots()): Promise<VolumeInfo> => {
  const state = await readState(volumePaths(name, roots))
  if (state === undefined || state.status === null) {
    throw new RingvolError('ERR_NOT_RUNNING', `there is no running volume '${name}'`, { advice: "see 'ringvol list'" })
  }
  const { listed, live } = await lookAt(state, state.status, deadlines.control, roots)
  if (live instanceof Error) throw live
  return { ...listed, options: state.options, counters: live?.counters ?? null, features: live?.features ?? null }
}
