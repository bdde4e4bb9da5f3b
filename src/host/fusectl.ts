/**
 * Aborting a FUSE connection: the one cure for a mount whose server is gone or stuck. Every request that waits for it,
 * and everyone in D state over it, gets an error at once.
 *
 * The addon reaches the controls (fusectl) on a mount of its own, on no path, so that it does not matter whether the
 * system has them mounted. A connection's number is the minor number of its mount's device, so nothing needs to touch
 * the mount.
 */
import { errnoName, errnoOf, RingvolError } from '../errors.js'
import { addon } from '../native/addon.js'
import type { Mount } from './mountinfo.js'

/** Throws ERR_SYSTEM. A connection that has ended already is no error. */
export const abortConnection = ({ device, mountpoint }: Mount): void => {
  try {
    const control = addon().openControl(Number(device.split(':')[1] ?? 0))
    try {
      addon().abortControl(control)
    } finally {
      addon().closeControl(control)
    }
  } catch (error) {
    const reason = errnoName(errnoOf(error) ?? 0)
    if (reason === 'ENOENT') return
    throw new RingvolError('ERR_SYSTEM', `cannot abort the connection of ${mountpoint}: ${reason}`, {
      path: mountpoint,
      cause: error,
      advice: 'run as root',
    })
  }
}
