/**
 * What is mounted, read from /proc/self/mountinfo and not by touching a path: a path on a volume whose server hangs
 * would hang us too.
 */
import { readFile } from 'node:fs/promises'
import { systemRoots, type Roots } from './roots.js'

export interface Mount {
  /** `MAJOR:MINOR` of the file system: what stat calls st_dev. Of a FUSE mount, MINOR is also its connection number. */
  readonly device: string
  readonly mountpoint: string
  /** `ext4`, `fuse.ringvol` … */
  readonly type: string
  /** `/dev/sda1`, a volume's name … */
  readonly source: string
  readonly readOnly: boolean
}

/** The kernel writes space, tab, newline and backslash in paths as three octal digits. */
const unescape = (text: string): string =>
  text.includes('\\')
    ? Buffer.from(
        text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8))),
        'latin1',
      ).toString('utf8')
    : Buffer.from(text, 'latin1').toString('utf8')

/**
 * `36 35 98:0 /root /mnt rw,noatime shared:1 - ext4 /dev/sda1 rw,errors=continue`: any number of optional fields stands
 * before the dash. Read as latin1, because a file name may be any bytes. Lines that are not of this shape are skipped.
 */
export const parseMountinfo = (latin1: string): Mount[] =>
  latin1.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ', 2)
    const [, , device, , mountpoint, options] = left.split(' ')
    const [type, source, superOptions = ''] = right.split(' ')
    if (device === undefined || mountpoint === undefined || options === undefined || source === undefined) return []
    const readOnly = [...options.split(','), ...superOptions.split(',')].includes('ro')
    return [{ device, mountpoint: unescape(mountpoint), type: type ?? '', source: unescape(source), readOnly }]
  })

export const listMounts = async (roots: Roots = systemRoots()): Promise<Mount[]> =>
  parseMountinfo(await readFile(`${roots.proc}/self/mountinfo`, 'latin1'))

/** The topmost mount on exactly this path, or undefined. */
export const mountAt = (mounts: readonly Mount[], path: string): Mount | undefined =>
  mounts.findLast((mount) => mount.mountpoint === path)

/** The mount that a path lies on. */
export const mountOf = (mounts: readonly Mount[], path: string): Mount | undefined =>
  mounts.reduce<Mount | undefined>((best, mount) => {
    const prefix = mount.mountpoint === '/' ? '/' : `${mount.mountpoint}/`
    const covers = path === mount.mountpoint || path.startsWith(prefix)
    return covers && mount.mountpoint.length >= (best?.mountpoint.length ?? 0) ? mount : best
  }, undefined)

export const isFuse = (mount: Mount): boolean => /^fuse(?:blk)?(?:\.|$)/.test(mount.type)
