/**
 * Owning a volume's name, from before its first resource is made until after its last one is gone.
 *
 * `attach` claims the name and starts the daemon, and the daemon takes the claim over from its parent: the name is
 * never free in between, and whoever dies leaves a folder whose owner is known to be dead.
 */
import { RingvolError } from '../errors.js'
import type { VolumeStatus } from '../volume.js'
import { loopsOver } from './loop.js'
import { listMounts, mountAt } from './mountinfo.js'
import { identifySelf, isAlive, isSame } from './process.js'
import { systemRoots, type Roots } from './roots.js'
import { checkName, nameFromSource } from './source-path.js'
import {
  createFolder,
  readState,
  removeFolder,
  takeFolder,
  volumePaths,
  writeState,
  type VolumePaths,
  type VolumeState,
} from './state.js'

export interface ClaimOptions {
  /** Absent: from the source, with a number behind it if that is taken. */
  readonly name?: string | undefined
  readonly source: string
  /** Absent: `RUN/NAME/mount`. */
  readonly mountpoint?: string | undefined
  readonly options?: Readonly<Record<string, unknown>>
}

export interface Claim {
  readonly name: string
  readonly mountpoint: string
  readonly paths: VolumePaths
  /** Publishes what is served. */
  publish(status: VolumeStatus): Promise<void>
  /** Removes the folder, if this process or a dead one owns it. Idempotent. */
  release(): Promise<void>
}

/** Nobody serves the volume of this state, and nothing of it is left but files: its folder may be removed. */
const isLitter = async (state: VolumeState, roots: Roots): Promise<boolean> => {
  if (await isAlive(state.owner, roots)) return false
  const mounted = mountAt(await listMounts(roots), state.mountpoint) !== undefined
  return !mounted && (await loopsOver(`${state.mountpoint}/volume`, roots)).length === 0
}

/** true if the name is free now. */
const sweep = async (name: string, roots: Roots): Promise<boolean> => {
  const state = await readState(volumePaths(name, roots))
  if (state === undefined || !(await isLitter(state, roots))) return false
  const taken = await takeFolder(state, roots)
  if (taken === undefined) return false
  await removeFolder(taken)
  return true
}

const claimOf = (state: VolumeState, roots: Roots): Claim => {
  const paths = volumePaths(state.name, roots)
  return {
    name: state.name,
    mountpoint: state.mountpoint,
    paths,
    publish: (status) => writeState(paths, { ...state, status }),
    release: async () => {
      const owner = (await readState(paths))?.owner
      if (owner === undefined) return
      if (isSame(owner, state.owner) || !(await isAlive(owner, roots))) await removeFolder(paths)
    },
  }
}

const nameBusy = async (name: string, roots: Roots): Promise<RingvolError> => {
  const state = await readState(volumePaths(name, roots))
  const alive = state !== undefined && (await isAlive(state.owner, roots))
  const who = alive ? `served by process ${String(state.owner.pid)}` : 'left over by a daemon that died'
  return new RingvolError('ERR_NAME_BUSY', `a volume named '${name}' exists already, ${who}`, {
    advice: alive
      ? `choose another --name, or run 'ringvol detach ${name}'`
      : `run 'ringvol detach ${name}' to clean up`,
  })
}

/** `disk`, `disk-2`, `disk-3` … */
function* candidates(name: string): Generator<string> {
  yield name
  for (let number = 2; number <= 1000; number++) yield `${name}-${String(number)}`
}

/** Throws ERR_NAME, ERR_NAME_BUSY, ERR_PERMISSION. */
export const claimVolume = async (
  { name, source, mountpoint, options = {} }: ClaimOptions,
  roots: Roots = systemRoots(),
): Promise<Claim> => {
  const owner = await identifySelf()
  const wanted = checkName(name ?? nameFromSource(source))
  for (const candidate of name === undefined ? candidates(wanted) : [wanted]) {
    const state: VolumeState = {
      version: 1,
      name: candidate,
      source,
      mountpoint: mountpoint ?? volumePaths(candidate, roots).mount,
      owner,
      options,
      status: null,
    }
    if (await createFolder(state, roots)) return claimOf(state, roots)
    if ((await sweep(candidate, roots)) && (await createFolder(state, roots))) return claimOf(state, roots)
  }
  throw await nameBusy(wanted, roots)
}

/** Takes over the claim on `name` if the parent of this process holds it; else undefined. */
export const inheritClaim = async (
  name: string,
  options: Readonly<Record<string, unknown>>,
  roots: Roots = systemRoots(),
): Promise<Claim | undefined> => {
  const paths = volumePaths(name, roots)
  const state = await readState(paths)
  if (state?.owner.pid !== process.ppid || !(await isAlive(state.owner, roots))) return undefined
  const inherited = { ...state, options, owner: await identifySelf() }
  await writeState(paths, inherited)
  return claimOf(inherited, roots)
}
