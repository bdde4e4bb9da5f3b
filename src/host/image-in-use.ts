/**
 * Refuses to export an image that something else on this machine already uses.
 *
 * The backend's lock keeps two ringvol daemons apart, but the kernel's loop driver, file systems and swap take no lock
 * that
 * we could see. Two writers who do not know of each other destroy a file system, so we look. A read-only export may
 * share an image with users that cannot write either.
 */
import { constants } from 'node:fs'
import { open, realpath, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { errnoName, errnoOf, RingvolError } from '../errors.js'
import { blockHolders, fileHolders, type Holder } from './holders.js'
import { listLoops, type LoopDevice } from './loop.js'
import { isFuse, listMounts, mountOf } from './mountinfo.js'
import { isAlive } from './process.js'
import { systemRoots, type Roots } from './roots.js'
import { imagePath } from './source-path.js'
import { listNames, readState, volumePaths } from './state.js'

/** The same file by another name (hard link, bind mount). Not asked of files on FUSE, whose server may hang. */
const isSameFile = async (loop: LoopDevice, image: { dev: number; ino: number }, roots: Roots): Promise<boolean> => {
  const mount = mountOf(await listMounts(roots), loop.backingFile)
  if (mount === undefined || isFuse(mount)) return false
  const other = await stat(loop.backingFile).catch(() => undefined)
  return other?.dev === image.dev && other.ino === image.ino
}

const loopHolders = async (path: string, roots: Roots): Promise<Holder[]> => {
  const image = await stat(path)
  const holders: Holder[] = []
  for (const loop of await listLoops(roots)) {
    if (loop.backingFile !== path && !(await isSameFile(loop, image, roots))) continue
    const [above] = await blockHolders(loop.device, roots)
    holders.push({
      text: `loop device ${loop.device} is over it${above === undefined ? '' : `, ${above.text}`}`,
      cure: above?.cure ?? `run 'losetup --detach ${loop.device}' first`,
      readOnly: loop.readOnly,
    })
  }
  return holders
}

/** A running volume over the same source: named here, because the lock could only say that somebody has it. */
const exportHolders = async (path: string, roots: Roots): Promise<Holder[]> => {
  const holders: Holder[] = []
  for (const name of await listNames(roots)) {
    const state = await readState(volumePaths(name, roots))
    if (!state?.status || imagePath(state.source) !== path || !(await isAlive(state.owner, roots))) continue
    holders.push({
      text: `volume '${name}' exports it`,
      cure: `run 'ringvol detach ${name}' first`,
      readOnly: state.status.readOnly,
    })
  }
  return holders
}

/** The kernel's own answer for a block device: O_EXCL is refused while a mount, swap, RAID or device-mapper has it. */
const exclusiveHolder = async (path: string): Promise<Holder[]> => {
  try {
    await (await open(path, constants.O_RDONLY | constants.O_EXCL)).close()
    return []
  } catch (error) {
    if (errnoName(errnoOf(error) ?? 0) !== 'EBUSY') return []
    return [{ text: 'the kernel says it is busy', cure: `see 'lsblk ${path}' for what uses it`, readOnly: false }]
  }
}

/** What uses the image at this absolute path; nothing if there is no such file. */
export const imageHolders = async (path: string, roots: Roots = systemRoots()): Promise<Holder[]> => {
  const real = await realpath(path).catch(() => undefined)
  if (real === undefined) return []
  const status = await stat(real)
  const found = [...(await exportHolders(path, roots)), ...(await loopHolders(real, roots))]
  if (!status.isBlockDevice()) return [...found, ...(await fileHolders(real, roots))]
  const named = [...found, ...(await blockHolders(`/dev/${basename(real)}`, roots))]
  return named.length > 0 ? named : exclusiveHolder(real)
}

/** Throws ERR_IMAGE_BUSY, with the holder and what to do. Sources that are no file pass. */
export const refuseImageInUse = async (
  source: string,
  { readOnly = false }: { readOnly?: boolean | undefined },
  roots: Roots = systemRoots(),
): Promise<void> => {
  const path = imagePath(source)
  if (path === undefined) return
  const holder = (await imageHolders(path, roots)).find((candidate) => !(readOnly && candidate.readOnly))
  if (holder === undefined) return
  throw new RingvolError('ERR_IMAGE_BUSY', `${path} is in use: ${holder.text}`, { path, advice: holder.cure })
}
