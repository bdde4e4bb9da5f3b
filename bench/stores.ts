/**
 * The images of a run: one for each system that wants one, on the medium it wants it on.
 *
 * ```
 *  tmpfs    a tmpfs of the run's own                     no disk is measured
 *  ext4     an ext4 on a loop device over a file on it   what a file system below an image costs, without a disk
 *  image    the caller's own, one for all systems        what a disk costs
 * ```
 */
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatSize } from '../src/units.js'
import { makeFilesystem, mountFilesystem } from './filesystem.js'
import { availableMemory, makeImage, mountTmpfs, openOwnImage, volumeSize } from './images.js'
import { type Journal } from './journal.js'
import { type Settings } from './options.js'
import { type Progress } from './progress.js'
import { type Medium } from './system.js'
import { attachLoop } from './systems/loop.js'

const GiB = 1024 ** 3
const MiB = 1024 ** 2

export interface Stores {
  /** Bytes of a volume. */
  readonly size: number
  /** An image for a system of that name: a new file, or always the caller's. */
  image(medium: Medium, name: string): string
  /** true: the caller's image, which lies on whatever it lies on. */
  readonly own: boolean
}

/** ext4 needs room for itself: a journal, inode tables, and blocks that it would rather not give away. */
export const ext4Bytes = (size: number, count: number): number =>
  count === 0 ? 0 : Math.ceil((count * size * 1.06) / MiB) * MiB + 256 * MiB

const mountExt4 = async (journal: Journal, tmpfs: string, bytes: number): Promise<string> => {
  const file = join(tmpfs, 'ext4')
  writeFileSync(file, '')
  truncateSync(file, bytes)
  const group = journal.group()
  const { device } = await attachLoop(group, file)
  await makeFilesystem(device)
  return mountFilesystem(group, device, 'ext4')
}

/** Images for systems with these `media`. Throws ERR_SYSTEM if memory has no room, and what opening --image throws. */
export const makeStores = async (
  journal: Journal,
  settings: Settings,
  media: readonly Medium[],
  progress: Progress,
): Promise<Stores> => {
  if (settings.image !== null) {
    const { path, size } = await openOwnImage(settings.image)
    progress.note(`image: ${path}, ${formatSize(size)}; everything in it is overwritten`)
    return { size, image: () => path, own: true }
  }
  const count = (medium: Medium): number => media.filter((each) => each === medium).length
  const held = count('tmpfs') + count('ext4') + count('memory')
  const size = volumeSize(settings.size, settings.quick ? GiB / 4 : GiB, held, availableMemory())
  const below = ext4Bytes(size, count('ext4'))
  const tmpfs = await mountTmpfs(journal, (size + MiB) * count('tmpfs') + below + MiB)
  const directories = new Map([['tmpfs', join(tmpfs, 'images')]])
  mkdirSync(join(tmpfs, 'images'))
  if (below > 0) directories.set('ext4', await mountExt4(journal, tmpfs, below))
  for (const medium of directories.keys()) {
    const files = count(medium as Medium)
    if (files > 0) progress.note(`images: ${String(files)} files of ${formatSize(size)} on ${described[medium] ?? ''}`)
  }
  return {
    size,
    image: (medium, name) => makeImage(directories.get(medium) ?? tmpfs, name.replaceAll(/\W+/g, '-'), size),
    own: false,
  }
}

const described: Readonly<Record<string, string>> = {
  tmpfs: 'a tmpfs of their own',
  ext4: 'an ext4 of their own, on a loop device over a file on tmpfs',
}
