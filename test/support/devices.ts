/**
 * File systems and plain loop devices for tests, made and taken down in child processes.
 */
import { existsSync } from 'node:fs'
import { recordDevice } from './journal.js'
import { run, until } from './process.js'
import { freshDirectory } from './scratch.js'

export interface FileSystem {
  readonly name: 'ext4' | 'xfs' | 'btrfs'
  /** With discard, as the tools do it when nobody asks them not to. */
  readonly make: (device: string) => Promise<string>
  /** Rejects unless the unmounted file system is clean. */
  readonly check: (device: string) => Promise<string>
}

export const fileSystems: readonly FileSystem[] = [
  {
    name: 'ext4',
    make: (device) => run('mkfs.ext4', ['-q', '-F', device]),
    check: (device) => run('e2fsck', ['-fn', device]),
  },
  {
    name: 'xfs',
    make: (device) => run('mkfs.xfs', ['-q', '-f', device]),
    check: (device) => run('xfs_repair', ['-n', device]),
  },
  {
    name: 'btrfs',
    make: (device) => run('mkfs.btrfs', ['-q', '-f', device]),
    check: (device) => run('btrfs', ['check', '--readonly', device]),
  },
]

/** Mounts for the time of `body`. */
export const mounted = async <T>(
  device: string,
  body: (mountpoint: string) => Promise<T>,
  options: readonly string[] = [],
): Promise<T> => {
  const mountpoint = freshDirectory('filesystem')
  await run('mount', [...options, device, mountpoint])
  try {
    return await body(mountpoint)
  } finally {
    await run('umount', [mountpoint], { deadline: 60_000 })
  }
}

/**
 * `losetup -d`, and waits for it: while somebody else looks at the device (another losetup, udev) it only detaches at
 * their last close, and until then holds on to its file.
 */
export const detachLoop = async (device: string): Promise<void> => {
  await run('losetup', ['-d', device])
  const held = `/sys/block/${device.slice('/dev/'.length)}/loop/backing_file`
  await until(`${device} lets go of its file`, () => !existsSync(held))
}

/** A loop device straight over the image, for the time of `body`: what ringvol is compared with. */
export const plainLoop = async <T>(image: string, body: (device: string) => Promise<T>): Promise<T> => {
  const device = await run('losetup', ['--find', '--show', image])
  recordDevice(device)
  try {
    return await body(device)
  } finally {
    await detachLoop(device)
  }
}
