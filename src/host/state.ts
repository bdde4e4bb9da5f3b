/**
 * What is on disk about a volume: one folder `RUN/NAME/`, mode 0700.
 *
 * ```
 *  state.json    written by the process that owns the volume, before anything else is made, and removed last
 *  device.json   written by `attach` before it asks for a loop device, completed after
 *  control       unix socket of the daemon, 0600
 *  log           the daemon's stderr when it runs in the background
 *  mount         mountpoint, if the user named none
 * ```
 *
 * The folder is made and taken by renaming, so that a volume never exists without its state and two processes cannot
 * both own a name. Each file has one writer. Clean-up removes these names one by one and never a tree: a tree could
 * have the volume mounted in it.
 */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoName, errnoOf, RingvolError } from '../errors.js'
import type { VolumeStatus } from '../volume.js'
import { isSame, type ProcessId } from './process.js'
import type { Roots } from './roots.js'

export interface VolumeState {
  readonly version: 1
  readonly name: string
  readonly source: string
  readonly mountpoint: string
  /** The process that holds the volume: `attach` while it starts the daemon, then the daemon. */
  readonly owner: ProcessId
  /** As given on the command line; for `info`. */
  readonly options: Readonly<Record<string, unknown>>
  /** From the moment it serves. */
  readonly status: VolumeStatus | null
}

export interface DeviceState {
  readonly version: 1
  /** null: losetup was about to run. */
  readonly device: string | null
}

export interface VolumePaths {
  readonly directory: string
  readonly state: string
  readonly device: string
  readonly control: string
  readonly log: string
  readonly mount: string
}

export const volumePaths = (name: string, { run }: Roots): VolumePaths => {
  const directory = join(run, name)
  return {
    directory,
    state: join(directory, 'state.json'),
    device: join(directory, 'device.json'),
    control: join(directory, 'control'),
    log: join(directory, 'log'),
    mount: join(directory, 'mount'),
  }
}

const isCode = (error: unknown, ...codes: string[]): boolean => {
  const errno = errnoOf(error)
  return errno !== undefined && codes.includes(errnoName(errno))
}

const unlessMissing = (error: unknown): void => {
  if (!isCode(error, 'ENOENT')) throw error
}

/** Replaces the file in one step: a reader sees the old or the new text. */
const writeJson = async (path: string, value: unknown): Promise<void> => {
  await writeFile(`${path}.new`, `${JSON.stringify(value)}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
}

const readJson = async (path: string): Promise<unknown> => {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR') || error instanceof SyntaxError) return undefined
    throw error
  }
}

const isState = (value: unknown): value is VolumeState =>
  typeof value === 'object' && value !== null && 'version' in value && value.version === 1 && 'owner' in value

/** undefined if there is no such volume, or if its state was written by a ringvol that knows more than this one. */
export const readState = async (paths: Pick<VolumePaths, 'state'>): Promise<VolumeState | undefined> => {
  const value = await readJson(paths.state)
  return isState(value) ? value : undefined
}

export const writeState = (paths: VolumePaths, state: VolumeState): Promise<void> => writeJson(paths.state, state)

export const readDevice = async (paths: VolumePaths): Promise<DeviceState | undefined> =>
  (await readJson(paths.device)) as DeviceState | undefined

export const writeDevice = (paths: VolumePaths, device: string | null): Promise<void> =>
  writeJson(paths.device, { version: 1, device } satisfies DeviceState)

export const forgetDevice = (paths: VolumePaths): Promise<void> => unlink(paths.device).catch(unlessMissing)

/**
 * Throws ERR_PERMISSION if others may change what lies in the run directory: it says which processes get signals and
 * what is unmounted, and root believes it.
 */
const refuseForeign = async (run: string): Promise<void> => {
  const { mode, uid } = await stat(run)
  const user = process.geteuid?.() ?? 0
  const whose = uid !== user && uid !== 0 ? `belongs to user ${String(uid)}` : 'may be written by others'
  if ((uid === user || uid === 0) && (mode & 0o022) === 0) return
  throw new RingvolError('ERR_PERMISSION', `the run directory ${run} ${whose}`, {
    path: run,
    advice: 'set RINGVOL_RUN to a folder of yours that nobody else may write',
  })
}

/** Names of the volumes that have a folder, running or not. None if the run directory does not exist. */
export const listNames = async ({ run }: Roots): Promise<string[]> => {
  const entries = await readdir(run, { withFileTypes: true }).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return undefined
    throw new RingvolError('ERR_PERMISSION', `cannot read ${run}: ${errnoName(errnoOf(error) ?? 0)}`, {
      path: run,
      cause: error,
      advice: 'run as root',
    })
  })
  if (entries === undefined) return []
  await refuseForeign(run)
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort()
}

/**
 * Makes the folder of a volume with its state in it. false if the name is taken.
 * Throws ERR_PERMISSION if the run directory cannot be written.
 */
export const createFolder = async (state: VolumeState, roots: Roots): Promise<boolean> => {
  const { directory } = volumePaths(state.name, roots)
  try {
    await mkdir(roots.run, { recursive: true, mode: 0o700 })
    await refuseForeign(roots.run)
    const draft = await mkdtemp(join(roots.run, '.new-'))
    try {
      await writeJson(join(draft, 'state.json'), state)
      // Fails if the folder exists, unless it is empty, which is what an interrupted removal leaves.
      await rename(draft, directory)
      return true
    } catch (error) {
      await rm(draft, { recursive: true, force: true })
      if (isCode(error, 'EEXIST', 'ENOTEMPTY')) return false
      throw error
    }
  } catch (error) {
    if (error instanceof RingvolError) throw error
    const reason = errnoName(errnoOf(error) ?? 0)
    const denied = isCode(error, 'EACCES', 'EPERM', 'EROFS')
    throw new RingvolError(denied ? 'ERR_PERMISSION' : 'ERR_SYSTEM', `cannot write ${directory}: ${reason}`, {
      path: directory,
      cause: error,
      advice: denied ? 'run as root, or set RINGVOL_RUN to a folder of yours' : 'make room in the run directory',
    })
  }
}

/**
 * Removes a volume's folder, state last. The volume must be unmounted: a mountpoint in use makes rmdir fail with EBUSY,
 * which is what we want.
 */
export const removeFolder = async (paths: VolumePaths): Promise<void> => {
  await rmdir(paths.mount).catch(unlessMissing)
  for (const path of [
    paths.control,
    paths.log,
    paths.device,
    `${paths.device}.new`,
    `${paths.state}.new`,
    paths.state,
  ]) {
    await unlink(path).catch(unlessMissing)
  }
  await rmdir(paths.directory).catch((error: unknown) => {
    // ENOTEMPTY: somebody has just taken the name with a new folder, which renaming onto an empty one allows.
    if (!isCode(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw error
  })
}

/**
 * Takes the folder of a dead volume out of the way, so that just one process removes it and none removes a successor's.
 * undefined if it was not (or no longer) the folder of this owner.
 */
export const takeFolder = async (state: VolumeState, roots: Roots): Promise<VolumePaths | undefined> => {
  const name = `.old-${state.name}-${String(process.pid)}`
  const taken = volumePaths(name, roots)
  const paths = volumePaths(state.name, roots)
  try {
    await rename(paths.directory, taken.directory)
  } catch (error) {
    unlessMissing(error)
    return undefined
  }
  const { owner } = (await readState(taken)) ?? {}
  if (owner !== undefined && isSame(owner, state.owner)) return taken
  await rename(taken.directory, paths.directory)
  return undefined
}
