/**
 * A mountpoint is checked before anything is made, so that the usual mistakes get a sentence and not an errno of
 * mount(2).
 */
import { readdir, realpath, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { errnoName, errnoOf, RingvolError } from '../errors.js'
import { listMounts, mountAt } from './mountinfo.js'
import { systemRoots, type Roots } from './roots.js'

/**
 * Returns the absolute path without symlinks, which is what the kernel will show.
 * Throws ERR_MOUNTPOINT unless it is an existing, empty directory that nothing is mounted on.
 */
export const checkMountpoint = async (mountpoint: string, roots: Roots = systemRoots()): Promise<string> => {
  const path = resolve(mountpoint)
  const refuse = (reason: string, advice: string, cause?: unknown): RingvolError =>
    new RingvolError('ERR_MOUNTPOINT', `cannot mount on ${path}: ${reason}`, { path, advice, cause })
  const refuseMounted = async (place: string): Promise<void> => {
    const mount = mountAt(await listMounts(roots), place)
    if (mount === undefined) return
    throw refuse(`${mount.source} (${mount.type}) is mounted there`, `run 'umount ${place}', or choose another`)
  }
  // First, and without touching the path: what is mounted there may hang.
  await refuseMounted(path)
  try {
    const real = await realpath(path)
    await refuseMounted(real)
    if (!(await stat(path)).isDirectory()) throw refuse('it is not a directory', 'give an empty directory')
    if ((await readdir(path)).length > 0) throw refuse('the directory is not empty', 'give an empty directory')
    return real
  } catch (error) {
    if (error instanceof RingvolError) throw error
    const reason = errnoName(errnoOf(error) ?? 0)
    throw refuse(reason === 'ENOENT' ? 'there is no such directory' : reason, `run 'mkdir -p ${path}' first`, error)
  }
}

const isBelow = (path: string, directory: string): boolean => path === directory || path.startsWith(`${directory}/`)

/**
 * Throws ERR_MOUNTPOINT if the image or the run directory would come to lie under the mount: the daemon would then wait
 * for itself at its own control socket, and nobody else could reach either.
 */
export const refuseOwnFiles = (mountpoint: string, image: string | undefined, { run }: Roots = systemRoots()): void => {
  const [what, path] = isBelow(run, mountpoint) ? ['the run directory', run] : ['the image', image ?? '']
  if (!isBelow(path, mountpoint)) return
  throw new RingvolError('ERR_MOUNTPOINT', `cannot mount on ${mountpoint}: ${what} ${path} would lie under it`, {
    path: mountpoint,
    advice: 'choose another mountpoint',
  })
}
