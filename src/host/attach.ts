/**
 * From a source to a loop device: claim, daemon, losetup; each taken back if a later one fails.
 */
import { mkdir } from 'node:fs/promises'
import { RingvolError } from '../errors.js'
import type { Logger } from '../log.js'
import type { VolumeStatus } from '../volume.js'
import { claimVolume, type Claim } from './claim.js'
import { endDaemon, startDaemon } from './daemon.js'
import { attachLoop, detachLoop } from './loop.js'
import { cleanUpDead } from './recover.js'
import { systemRoots } from './roots.js'
import { absoluteSource } from './source-path.js'
import { forgetDevice, readState, writeDevice } from './state.js'
import { UndoStack } from './undo.js'

export interface AttachOptions {
  readonly source: string
  /** Default: from the source, with a number behind it if that is taken. */
  readonly name?: string | undefined
  readonly readOnly?: boolean | undefined
  /** Logical block size of the loop device in bytes: 512 or 4096; default 512. */
  readonly sectorSize?: number | undefined
}

export interface AttachContext {
  readonly logger: Logger
  /** The command that serves the source as `name` at `mountpoint` in the foreground, logging JSON lines. */
  readonly serveCommand: (name: string, mountpoint: string) => readonly string[]
  readonly environment: NodeJS.ProcessEnv
  readonly signal: AbortSignal
}

export interface Attached {
  readonly name: string
  /** `/dev/loop3` */
  readonly device: string
  readonly status: VolumeStatus
}

/** Whatever the daemon left of its folder: all of it if it never took over, nothing if it ended by itself. */
const removeRest = async (claim: Claim, logger: Logger): Promise<void> => {
  const owner = (await readState(claim.paths))?.owner
  if (owner === undefined) return
  await (owner.pid === process.pid ? claim.release() : cleanUpDead(claim.name, logger))
}

const attachSteps = async (
  { source, name, readOnly, sectorSize }: AttachOptions,
  { logger, serveCommand, environment, signal }: AttachContext,
  undo: UndoStack,
): Promise<Attached> => {
  const claim = await claimVolume({ name, source: absoluteSource(source) }, systemRoots(environment))
  undo.add(`giving the name ${claim.name} back`, () => removeRest(claim, logger))
  await mkdir(claim.paths.mount, { mode: 0o700 })
  const daemon = await startDaemon({
    command: serveCommand(claim.name, claim.mountpoint),
    environment,
    log: claim.paths.log,
    logger,
    signal,
  })
  undo.add('ending the daemon', async () => {
    if (await endDaemon(daemon.id)) return
    throw new RingvolError('ERR_DAEMON', `process ${String(daemon.id.pid)} does not end`)
  })
  const { status } = daemon
  await writeDevice(claim.paths, null)
  undo.add('forgetting the loop device', () => forgetDevice(claim.paths))
  const device = await attachLoop(status.volume, { readOnly: readOnly === true || status.readOnly, sectorSize })
  undo.add(`detaching ${device}`, () => detachLoop({ device, backingFile: status.volume }))
  await writeDevice(claim.paths, device)
  signal.throwIfAborted()
  return { name: claim.name, device, status: { ...status, device } }
}

/**
 * Exports a source in the background and attaches a loop device to it. Throws what any step failed with, or the reason
 * of
 * `signal`; nothing is left behind then.
 */
export const attachVolume = async (options: AttachOptions, context: AttachContext): Promise<Attached> => {
  const undo = new UndoStack()
  try {
    const attached = await attachSteps(options, context, undo)
    const { transport, reason } = attached.status
    context.logger.info(`${attached.device} is volume '${attached.name}', transport ${transport}: ${reason}`)
    return attached
  } catch (error) {
    await undo.run(context.logger)
    throw error
  }
}
