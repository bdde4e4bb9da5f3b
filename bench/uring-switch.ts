/**
 * FUSE-over-io_uring is off after boot on most kernels, and root may switch it on. The benchmark does so for its own
 * time, says so, and puts it back; mounts that exist keep what they were made with.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { type Journal } from './journal.js'
import { readText } from './mounts.js'

export const uringSwitch = '/sys/module/fuse/parameters/enable_uring'

/** What was done, as a line for the user; null if there was nothing to do. */
export const switchUringOn = (journal: Journal, path = uringSwitch): string | null => {
  // Where it is a module that is not loaded yet, there is no switch either.
  if (path === uringSwitch) spawnSync('modprobe', ['--quiet', 'fuse'])
  if (readText(path) !== 'N') return null
  journal.record({ kind: 'parameter', path, value: 'Y', was: 'N' })
  try {
    writeFileSync(path, 'Y')
    return 'FUSE-over-io_uring was off; it is on for the time of this run (enable_uring=Y) and put back at the end'
  } catch (error) {
    return `FUSE-over-io_uring is off and cannot be switched on: ${error instanceof Error ? error.message : String(error)}`
  }
}
