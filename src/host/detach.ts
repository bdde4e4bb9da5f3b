/**
 * From a loop device back to a plain image: loop device off, last flush, unmount, daemon gone; waiting for each,
 * because
 * "detached" has to mean that the image is complete.
 */
import { RingvolError } from '../errors.js'
import type { Logger } from '../log.js'
import { askStatus, askStop } from './control.js'
import { deadlines } from './deadlines.js'
import { blockHolders, openersBelow } from './holders.js'
import { detachLoop, type LoopDevice } from './loop.js'
import { isAlive, isEnding, isSame, sendSignal, waitGone, whySilent, type ProcessId } from './process.js'
import { until } from './poll.js'
import { cleanUpDead } from './recover.js'
import { systemRoots, type Roots } from './roots.js'
import { readState, volumePaths, type VolumeState } from './state.js'
import { isUnmounted, loopsOf } from './volume-loops.js'

const notGone = ({ pid }: ProcessId, name: string, what = 'does not end'): RingvolError =>
  new RingvolError('ERR_DAEMON', `the daemon of volume '${name}' (pid ${String(pid)}) ${what}`, {
    advice: `let it go on, or run 'ringvol detach --force ${name}' to kill it and clean up; unanswered writes are lost`,
  })

export interface DetachOptions {
  /** Kill a daemon instead of asking it to stop; default false. */
  readonly force?: boolean
  readonly roots?: Roots
}

/** All or none: a volume keeps its devices if one of them is in use. */
const detachLoops = async (loops: readonly LoopDevice[], roots: Roots): Promise<void> => {
  for (const { device } of loops) {
    const [holder] = await blockHolders(device, roots)
    if (holder === undefined) continue
    throw new RingvolError('ERR_LOOP', `cannot detach ${device}: ${holder.text}`, {
      path: device,
      advice: holder.cure,
    })
  }
  for (const loop of loops) await detachLoop(loop, roots)
}

/** A volume without status has no control socket: it is just starting, and a signal makes it undo that. */
const stopStarting = async ({ owner, name }: VolumeState): Promise<void> => {
  await sendSignal(owner, 'SIGTERM')
  if (!(await waitGone(owner, deadlines.ready))) throw notGone(owner, name)
}

const stopServing = async (state: VolumeState, control: string, roots: Roots): Promise<void> => {
  const { owner, name, mountpoint } = state
  // Asked first: a loop device over a daemon that does not answer would hang us too.
  try {
    await askStatus(control)
  } catch (error) {
    if (!(await isAlive(owner, roots))) return
    throw Object.assign(notGone(owner, name, await whySilent(owner, roots)), { cause: error })
  }
  const [opener] = await openersBelow(mountpoint, roots)
  if (opener !== undefined) {
    throw new RingvolError('ERR_MOUNT', `cannot unmount ${mountpoint}: ${opener.text}`, {
      path: mountpoint,
      advice: opener.cure,
    })
  }
  const loops = await loopsOf(state, roots)
  // A volume that was unmounted lazily ends by itself when its device has let go: it is asked before, and answers then.
  const early = loops.some(isUnmounted) ? askStop(control, false) : undefined
  early?.catch(() => undefined)
  await detachLoops(loops, roots)
  try {
    await (early ?? askStop(control, false))
  } catch (error) {
    // Still open by somebody: it keeps serving. Any other failure, such as that of the last flush, ends it.
    if (error instanceof RingvolError && error.code === 'ERR_MOUNT') throw error
    await waitGone(owner, deadlines.killed)
    throw error
  }
  if (!(await waitGone(owner, deadlines.stop))) throw notGone(owner, name)
}

/** Kills a daemon; whoever waits for it gets an error when its connection is aborted, which the clean-up begins with. */
const kill = async (owner: ProcessId, name: string, logger: Logger, roots: Roots): Promise<void> => {
  logger.warn(`killing the daemon of volume '${name}' (pid ${String(owner.pid)}): what it had not answered is lost`)
  await sendSignal(owner, 'SIGKILL')
  if (!(await until(() => isEnding(owner, roots), { deadline: deadlines.killed }))) throw notGone(owner, name)
}

/**
 * Detaches the loop devices of a volume, stops its daemon after the last flush, and cleans up after one that has died.
 * Throws ERR_NOT_RUNNING, ERR_LOOP or ERR_MOUNT naming who still uses it (nothing has changed then), ERR_DAEMON, and
 * the error of the last flush.
 */
export const detachVolume = async (
  name: string,
  logger: Logger,
  { force = false, roots = systemRoots() }: DetachOptions = {},
): Promise<void> => {
  const paths = volumePaths(name, roots)
  const state = await readState(paths)
  if (state === undefined) {
    throw new RingvolError('ERR_NOT_RUNNING', `there is no volume '${name}'`, { advice: "see 'ringvol list'" })
  }
  const alive = !(await isEnding(state.owner, roots))
  // Told once: between taking SIGKILL and exiting a process looks alive for a moment.
  let ending = !alive
  try {
    if (alive && force) {
      await kill(state.owner, name, logger, roots)
      ending = true
    } else if (alive && state.status === null) await stopStarting(state)
    else if (alive) await stopServing(state, paths.control, roots)
  } finally {
    const owner = (await readState(paths))?.owner
    const dead = owner !== undefined && ((ending && isSame(owner, state.owner)) || (await isEnding(owner, roots)))
    if (dead) await cleanUpDead(name, logger, roots)
  }
}
