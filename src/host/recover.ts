/**
 * Cleaning up after a daemon that died, by kill -9 or a crash, from what its folder says it had.
 *
 * Order: abort the connection, so that nothing below can hang; loop devices; mount; folder. A loop device with a file
 * system still mounted on it is never pulled away: the error says what to unmount, and the clean-up is run again.
 */
import { errnoName, errnoOf, RingvolError } from '../errors.js'
import type { Logger } from '../log.js'
import { addon } from '../native/addon.js'
import { deadlines } from './deadlines.js'
import { abortConnection } from './fusectl.js'
import { detachLoop } from './loop.js'
import { isFuse, listMounts, mountAt } from './mountinfo.js'
import { until } from './poll.js'
import { isDying, isEnding, waitGone, type ProcessId } from './process.js'
import { systemRoots, type Roots } from './roots.js'
import { readState, removeFolder, takeFolder, volumePaths } from './state.js'
import { loopsOf } from './volume-loops.js'

const unmount = async (mountpoint: string): Promise<void> => {
  try {
    await addon().unmount(mountpoint, true)
  } catch (error) {
    throw new RingvolError('ERR_MOUNT', `cannot unmount ${mountpoint}: ${errnoName(errnoOf(error) ?? 0)}`, {
      path: mountpoint,
      cause: error,
      advice: `run 'umount --lazy ${mountpoint}' as root`,
    })
  }
}

const lingering = ({ pid }: ProcessId, name: string): RingvolError =>
  new RingvolError(
    'ERR_DAEMON',
    `volume '${name}' is gone, but process ${String(pid)}, killed, waits for its storage`,
    {
      advice: 'nobody waits for it any more; the image is complete, and free again, when that process has ended',
    },
  )

/**
 * Removes all that is left of a dead volume. Throws ERR_LOOP while its device is in use, ERR_MOUNT if it cannot be
 * unmounted, ERR_DAEMON if it is alive, or if it was killed and its process cannot end yet. Does nothing if there is no
 * such volume.
 */
export const cleanUpDead = async (name: string, logger: Logger, roots: Roots = systemRoots()): Promise<void> => {
  const state = await readState(volumePaths(name, roots))
  if (state === undefined) return
  if (!(await until(() => isEnding(state.owner, roots), { deadline: deadlines.glance }))) {
    throw new RingvolError('ERR_DAEMON', `volume '${name}' is served by process ${String(state.owner.pid)}`)
  }
  // Only FUSE mounts are ours; by now the user may have mounted something else there.
  const mounted = async (): Promise<ReturnType<typeof mountAt>> => {
    const mount = mountAt(await listMounts(roots), state.mountpoint)
    return mount !== undefined && isFuse(mount) ? mount : undefined
  }
  const mount = await mounted()
  if (mount !== undefined) {
    try {
      abortConnection(mount)
    } catch (error) {
      logger.warn(error instanceof Error ? error.message : String(error))
    }
  }
  for (const loop of await loopsOf(state, roots)) await detachLoop(loop, roots)
  if (mount !== undefined && (await mounted()) !== undefined) await unmount(state.mountpoint)
  // Whatever it is, it is not ours; but the folder cannot go while it is there.
  const { mount: own } = volumePaths(name, roots)
  const other = mountAt(await listMounts(roots), own)
  if (other !== undefined) {
    throw new RingvolError('ERR_MOUNT', `${other.source} (${other.type}) is mounted on ${own}`, {
      path: own,
      advice: `run 'umount ${own}', then detach again`,
    })
  }
  const taken = await takeFolder(state, roots)
  if (taken !== undefined) await removeFolder(taken)
  const lingers = !(await waitGone(state.owner, deadlines.glance)) || (await isDying(state.owner, roots))
  if (lingers) throw lingering(state.owner, name)
  logger.info(`cleaned up volume '${name}', whose daemon (pid ${String(state.owner.pid)}) had died`)
}
