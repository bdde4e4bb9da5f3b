/**
 * Who uses a block device, a file or a mount: the answer to every "busy".
 *
 * Found by reading /proc and /sys. Nothing here opens or stats what is asked about, because it may be a volume that
 * hangs, and because opening a device keeps it busy.
 */
import { readdir, readFile, readlink } from 'node:fs/promises'
import { basename } from 'node:path'
import { listMounts } from './mountinfo.js'
import { systemRoots, type Roots } from './roots.js'

export interface Holder {
  /** `mounted on /mnt`, `open in fio (pid 4711)` … */
  readonly text: string
  readonly cure: string
  /** true if the holder cannot write. */
  readonly readOnly: boolean
}

const list = (path: string): Promise<string[]> => readdir(path).catch(() => [])

const swaps = async ({ proc }: Roots): Promise<string[]> =>
  (await readFile(`${proc}/swaps`, 'utf8').catch(() => ''))
    .split('\n')
    .slice(1)
    .flatMap((line) => /^(\S+)\s/.exec(line)?.[1] ?? [])

const swapHolder = (path: string): Holder => ({
  text: `used as swap`,
  cure: `run 'swapoff ${path}' first`,
  readOnly: false,
})

/** A disk and its partitions have one folder each in /sys/class/block: `loop3`, `loop3p1`. */
const withPartitions = async (name: string, { sys }: Roots): Promise<string[]> => {
  const entries = await list(`${sys}/class/block/${name}`)
  return [name, ...entries.filter((entry) => entry.startsWith(name))]
}

const heldByOne = async (name: string, roots: Roots): Promise<Holder[]> => {
  const device = `/dev/${name}`
  const [number, mounts, swapped, stacked] = await Promise.all([
    readFile(`${roots.sys}/class/block/${name}/dev`, 'utf8').catch(() => ''),
    listMounts(roots),
    swaps(roots),
    list(`${roots.sys}/class/block/${name}/holders`),
  ])
  // By number, and by name for file systems that show a number of their own there, such as btrfs.
  const mounted = mounts.filter((mount) => mount.device === number.trim() || mount.source === device)
  return [
    ...mounted.map(({ mountpoint, readOnly }) => ({
      text: `mounted on ${mountpoint}`,
      cure: `run 'umount ${mountpoint}' first`,
      readOnly,
    })),
    ...(swapped.includes(device) ? [swapHolder(device)] : []),
    ...stacked.map((holder) => ({ text: `held by ${holder}`, cure: `remove ${holder} first`, readOnly: false })),
  ]
}

/** Lasting uses of a block device, or of a partition of it: mounts, swap, device-mapper and RAID. */
export const blockHolders = async (device: string, roots: Roots = systemRoots()): Promise<Holder[]> => {
  const names = await withPartitions(basename(device), roots)
  return (await Promise.all(names.map((name) => heldByOne(name, roots)))).flat()
}

/** Uses of a regular file that are not loop devices: swap, and a mount with the file itself as its source. */
export const fileHolders = async (path: string, roots: Roots = systemRoots()): Promise<Holder[]> => {
  const mounted = (await listMounts(roots)).filter((mount) => mount.source === path)
  return [
    ...mounted.map(({ mountpoint, readOnly }) => ({
      text: `mounted on ${mountpoint}`,
      cure: `run 'umount ${mountpoint}' first`,
      readOnly,
    })),
    ...((await swaps(roots)).includes(path) ? [swapHolder(path)] : []),
  ]
}

/** Links that hold a path busy: open files, the working and the root directory. readlink does not touch the target. */
const linksOf = async (folder: string): Promise<string[]> => {
  const links = [`${folder}/cwd`, `${folder}/root`, ...(await list(`${folder}/fd`)).map((fd) => `${folder}/fd/${fd}`)]
  return Promise.all(links.map((link) => readlink(link).catch(() => '')))
}

/** Processes, other than this one, that have a path open which `matches`. */
export const openers = async (
  matches: (target: string) => boolean,
  roots: Roots = systemRoots(),
): Promise<Holder[]> => {
  const holders: Holder[] = []
  for (const pid of (await list(roots.proc)).filter((name) => /^\d+$/.test(name) && name !== String(process.pid))) {
    if (!(await linksOf(`${roots.proc}/${pid}`)).some(matches)) continue
    const command = (await readFile(`${roots.proc}/${pid}/comm`, 'utf8').catch(() => '?')).trim()
    holders.push({ text: `open in ${command} (pid ${pid})`, cure: `end process ${pid} first`, readOnly: false })
  }
  return holders
}

/** Processes with something open at or below a directory. */
export const openersBelow = (directory: string, roots: Roots = systemRoots()): Promise<Holder[]> =>
  openers((target) => target === directory || target.startsWith(`${directory}/`), roots)
