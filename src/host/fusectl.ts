/**
 * Aborting a FUSE connection: the one cure for a mount whose server is gone or stuck. Every request that waits for it,
 * and everyone in D state over it, gets an error at once.
 *
 * The files are in fusectl, which many systems have mounted and containers do not; it is mounted for the moment if
 * need be. A connection's number is the minor number of its mount's device, so nothing needs to touch the mount.
 */
import { access, writeFile } from 'node:fs/promises'
import { errnoName, errnoOf, RingvolError } from '../errors.js'
import type { Mount } from './mountinfo.js'
import { reasonIn, runProgram } from './program.js'
import { systemRoots, type Roots } from './roots.js'

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

/** Throws ERR_SYSTEM. A connection that has ended already is no error. */
export const abortConnection = async (mount: Mount, roots: Roots = systemRoots()): Promise<void> => {
  const folder = `${roots.sys}/fs/fuse/connections`
  const number = mount.device.split(':')[1] ?? ''
  const file = `${folder}/${number}/abort`
  const borrowed = !(await exists(file))
  if (borrowed) {
    const result = await runProgram('mount', ['-t', 'fusectl', 'none', folder])
    if (result.code !== 0) {
      throw new RingvolError('ERR_SYSTEM', `cannot mount fusectl on ${folder}: ${reasonIn('mount', result)}`, {
        path: folder,
        advice: 'run as root',
      })
    }
  }
  try {
    await writeFile(file, '1')
  } catch (error) {
    const reason = errnoName(errnoOf(error) ?? 0)
    if (reason === 'ENOENT') return
    throw new RingvolError('ERR_SYSTEM', `cannot abort the connection of ${mount.mountpoint}: ${reason}`, {
      path: file,
      cause: error,
    })
  } finally {
    if (borrowed) await runProgram('umount', [folder])
  }
}
