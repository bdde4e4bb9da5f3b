/**
 * The volumes of this machine, as their folders and the kernel tell: state from disk, life from /proc, the device from
 * sysfs, so that a loop device somebody attached by hand shows too.
 */
import { realpath } from 'node:fs/promises'
import { RingvolError } from '../errors.js'
import type { Volume, VolumeCounters, VolumeStatus } from '../volume.js'
import { askStatus } from './control.js'
import { listLoops } from './loop.js'
import { isAlive } from './process.js'
import { systemRoots, type Roots } from './roots.js'
import { listNames, readDevice, readState, volumePaths, type VolumeState } from './state.js'

export interface ListedVolume extends VolumeStatus {
  /** `dead`: its daemon is gone, `ringvol detach` cleans up. */
  readonly state: 'serving' | 'dead'
}

/** States of all volumes, also of those that are just starting. */
export const listStates = async (roots: Roots = systemRoots()): Promise<VolumeState[]> => {
  const states = await Promise.all((await listNames(roots)).map((name) => readState(volumePaths(name, roots))))
  return states.filter((state) => state !== undefined)
}

const deviceOf = async (state: VolumeState, roots: Roots): Promise<string | null> => {
  const path = `${state.mountpoint}/volume`
  const journalled = (await readDevice(volumePaths(state.name, roots)))?.device
  const over = (await listLoops(roots)).filter((loop) => loop.backingFile === path).map((loop) => loop.device)
  return over.find((device) => device === journalled) ?? over[0] ?? null
}

/** Volumes that serve, or did when their daemon died, by name. */
export const listVolumes = async (roots: Roots = systemRoots()): Promise<ListedVolume[]> => {
  const volumes: ListedVolume[] = []
  for (const state of await listStates(roots)) {
    if (state.status === null) continue
    const alive = await isAlive(state.owner, roots)
    volumes.push({ ...state.status, device: await deviceOf(state, roots), state: alive ? 'serving' : 'dead' })
  }
  return volumes
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
  const paths = volumePaths(name, roots)
  const state = await readState(paths)
  const listed = (await listVolumes(roots)).find((volume) => volume.name === name)
  if (state === undefined || listed === undefined) {
    throw new RingvolError('ERR_NOT_RUNNING', `there is no running volume '${name}'`, { advice: "see 'ringvol list'" })
  }
  const live = listed.state === 'dead' ? undefined : await askStatus(paths.control)
  return { ...listed, options: state.options, counters: live?.counters ?? null, features: live?.features ?? null }
}
