/**
 * Where the blocks of the systems lie: files on a tmpfs of our own, so that no disk limits what is measured, or one
 * image of the caller's.
 *
 * Own files: one for each system, so all stay attached and rounds interleave without delay. A caller's image is one
 * for all, so systems take turns at it (rig.ts).
 */
import { closeSync, constants, mkdirSync, openSync, realpathSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf, RingvolError } from '../src/errors.js'
import { formatSize } from '../src/units.js'
import { attempt, must } from './command.js'
import { type Journal } from './journal.js'
import { listMounts, loopsOver, readText } from './mounts.js'

const MiB = 1024 ** 2

/** Bytes that can be had without swapping. */
export const availableMemory = (): number =>
  Number(/^MemAvailable:\s+(\d+) kB/m.exec(readText('/proc/meminfo') ?? '')?.[1] ?? 0) * 1024

/**
 * Bytes of each of `count` volumes in memory. Unasked, up to `preferred` and together at most half of what is available,
 * so that the page cache of the file systems on them has room too. Throws ERR_SYSTEM if there is too little.
 */
export const volumeSize = (asked: number | null, preferred: number, count: number, available: number): number => {
  const fits = Math.floor((available * (asked === null ? 0.5 : 0.8)) / Math.max(1, count) / MiB) * MiB
  const size = asked ?? Math.min(preferred, fits)
  if (size > fits || size < 64 * MiB) {
    throw new RingvolError(
      'ERR_SYSTEM',
      `${String(count)} volumes of ${formatSize(Math.max(size, 64 * MiB))} do not fit into ${formatSize(available)} of free memory`,
      {
        advice: 'give a smaller --size, fewer --transport or --backend names, or your own --image',
      },
    )
  }
  return size
}

/** A tmpfs of so many bytes. Memory is used only as far as its files are written. */
export const mountTmpfs = async (journal: Journal, bytes: number): Promise<string> => {
  const path = join(journal.directory, 'images')
  mkdirSync(path)
  journal.record({ kind: 'mount', path })
  await must(['mount', '-t', 'tmpfs', '-o', `size=${String(bytes)},mode=0700`, 'ringvol-bench', path])
  return path
}

/** A sparse file. */
export const makeImage = (directory: string, name: string, size: number): string => {
  const path = join(directory, `${name}.img`)
  closeSync(openSync(path, 'wx', 0o600))
  truncateSync(path, size)
  return path
}

const refuse = (path: string, why: string): RingvolError =>
  new RingvolError('ERR_IMAGE_BUSY', `--image ${path} is in use: ${why}`, {
    advice: 'the benchmark overwrites it, so free it first or give another',
  })

/** Nobody else may be using what will be overwritten: no mount, no loop device, no swap, no lock, no other exclusive opener. */
const refuseUsed = async (path: string, isDevice: boolean): Promise<void> => {
  const mounted = listMounts().find(({ source }) => source === path)
  if (mounted) throw refuse(path, `mounted on ${mounted.mountpoint}`)
  const [loop] = loopsOver(path)
  if (loop !== undefined) throw refuse(path, `${loop} is attached to it`)
  if ((readText('/proc/swaps') ?? '').split('\n').some((line) => line.startsWith(`${path} `)))
    throw refuse(path, 'swap space')
  if (isDevice) {
    try {
      // On a block device O_EXCL is refused while the kernel uses it: mounted, part of a RAID, a partition of it mounted.
      closeSync(openSync(path, constants.O_RDWR | constants.O_EXCL))
    } catch (error) {
      if (errnoOf(error) !== undefined) throw refuse(path, (error as Error).message)
      throw error
    }
  } else if ((await attempt(['flock', '--nonblock', '--exclusive', path, 'true'])).status !== 0) {
    throw refuse(path, 'another program holds a lock on it')
  }
}

/** The caller's image, checked. Throws ERR_IMAGE_MISSING, ERR_IMAGE_TYPE, ERR_IMAGE_SIZE, ERR_IMAGE_BUSY. */
export const openOwnImage = async (given: string): Promise<{ path: string; size: number }> => {
  let path: string
  try {
    path = realpathSync(given)
  } catch (cause) {
    throw new RingvolError('ERR_IMAGE_MISSING', `--image ${given}: no such file`, {
      cause,
      advice: 'create it first, such as with truncate -s 1G',
    })
  }
  const stat = statSync(path)
  if (!stat.isFile() && !stat.isBlockDevice())
    throw new RingvolError('ERR_IMAGE_TYPE', `--image ${given} is neither a regular file nor a block device`)
  await refuseUsed(path, stat.isBlockDevice())
  const size = stat.isBlockDevice() ? Number(await must(['blockdev', '--getsize64', path])) : stat.size
  if (size < 64 * MiB || size % 512 !== 0) {
    throw new RingvolError(
      'ERR_IMAGE_SIZE',
      `--image ${given} has ${String(size)} bytes; the benchmark needs at least 64M, a multiple of 512`,
    )
  }
  return { path, size }
}
