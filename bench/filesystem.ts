/**
 * ext4 on the device: what people put on it. Made so that nothing goes on in the background while others are timed.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { attempt, lastLine, must, type Outcome } from './command.js'
import { type Group } from './journal.js'

/** Initialises everything at once; the lazy default would write for minutes after the mount. Destroys the contents. */
export const makeFilesystem = async (device: string): Promise<void> => {
  await must(['mkfs.ext4', '-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0', device], { deadline: 300 })
}

/** Mounted until the group is released. */
export const mountFilesystem = async (group: Group, device: string, name: string): Promise<string> => {
  const mountpoint = join(group.directory, `mnt-${name}`)
  mkdirSync(mountpoint, { recursive: true })
  group.record({ kind: 'mount', path: mountpoint })
  await must(['mount', '-t', 'ext4', '-o', 'noatime', device, mountpoint])
  return mountpoint
}

/** By another process: whoever touches a mount whose daemon hangs cannot be ended. */
export const setFileSize = async (path: string, bytes: number): Promise<void> => {
  await must(['truncate', '--size', String(bytes), path])
}

/** Looks at everything and changes nothing. `target` is a device or an image. */
export const checkFilesystem = async (target: string): Promise<{ ok: boolean; detail: string }> => {
  const outcome: Outcome = await attempt(['e2fsck', '-f', '-n', target], { deadline: 300 })
  return {
    ok: outcome.status === 0,
    detail: outcome.status === 0 ? 'clean' : `status ${String(outcome.status)}: ${lastLine(outcome)}`,
  }
}
