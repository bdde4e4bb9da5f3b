/**
 * The life of a serving process, from claiming a name to giving it back.
 *
 * ```
 *  check mountpoint, image ─► claim name ─► open source ─► export ─► control socket ─► publish ─► ready
 *                                 │             │            │              │
 *        a failure undoes, in reverse, what stands to its left              ▼
 *                                                          volume.closed: stop(), umount, abort
 * ```
 */
import type { Backend } from '../backend/backend.js'
import { openSource } from '../backend/source.js'
import { orLate } from '../deadline.js'
import { RingvolError } from '../errors.js'
import type { Logger } from '../log.js'
import { exportVolumeAt, type Volume, type VolumeOptions, type VolumeStatus } from '../volume.js'
import { claimVolume, inheritClaim, type Claim } from './claim.js'
import { listenControl } from './control.js'
import { keepOutOfCoreDumps } from './core-dump.js'
import { deadlines } from './deadlines.js'
import { refuseImageInUse } from './image-in-use.js'
import { checkMountpoint, refuseOwnFiles } from './mountpoint.js'
import { absoluteSource, imagePath } from './source-path.js'
import { describeUsers, isBusy, StopOnSignal } from './stop-on-signal.js'
import { UndoStack } from './undo.js'

export interface ServeOptions extends Omit<VolumeOptions, 'source' | 'logger'> {
  readonly source: string
  /** Bytes: create the image, sparse, if there is none; an image of another size is refused. */
  readonly size?: number | undefined
  /** Open the image with O_DIRECT too; default false. */
  readonly direct?: boolean
  /** First is innermost. */
  readonly layers?: readonly string[]
}

export interface ServeContext {
  readonly logger: Logger
  /** Called once INIT is answered and the control socket listens. */
  readonly onReady: (status: VolumeStatus) => void
  /** The options as the user gave them, kept for `info`. */
  readonly given?: Readonly<Record<string, unknown>>
  /** For tests. */
  readonly make?: { openSource: typeof openSource; exportVolume: typeof exportVolumeAt }
}

/** An image that this start made goes again if the start fails; one that was there is never touched. */
const openImage = (options: ServeOptions, { logger, make }: ServeContext, undo: UndoStack): Promise<Backend> =>
  (make?.openSource ?? openSource)(options.source, {
    readOnly: options.readOnly ?? false,
    direct: options.direct ?? false,
    layers: [...(options.layers ?? [])],
    logger,
    onCreated: (remove) => {
      undo.add(`removing ${options.source}`, remove)
    },
    ...(options.size === undefined ? {} : { size: options.size }),
  })

const stopForControl = async (volume: Volume, force: boolean): Promise<void> => {
  try {
    await volume.stop({ force })
  } catch (error) {
    if (!isBusy(error)) throw error
    const { volume: path } = volume.status
    throw new RingvolError('ERR_MOUNT', `cannot unmount, ${path} is open: ${await describeUsers(volume.status)}`, {
      path,
      cause: error,
      advice: 'end that first',
    })
  }
}

const start = async (
  options: ServeOptions,
  context: ServeContext,
  signals: StopOnSignal,
  undo: UndoStack,
): Promise<{ volume: Volume; claim: Claim; closeControl: () => Promise<void> }> => {
  const { logger, given = {} } = context
  const mountpoint = await checkMountpoint(options.mountpoint)
  refuseOwnFiles(mountpoint, imagePath(options.source))
  await refuseImageInUse(options.source, options)
  const inherited = options.name === undefined ? undefined : await inheritClaim(options.name, given)
  const source = absoluteSource(options.source)
  const claim = inherited ?? (await claimVolume({ name: options.name, source, mountpoint, options: given }))
  undo.add(`giving the name ${claim.name} back`, () => claim.release())
  signals.throwIfSignalled()

  const backend = await openImage(options, context, undo)
  signals.throwIfSignalled()
  const { size: _size, direct: _direct, layers: _layers, ...rest } = options
  const volume = await (context.make?.exportVolume ?? exportVolumeAt)(backend, {
    ...rest,
    mountpoint,
    name: claim.name,
    source,
    logger,
  })
  undo.add(`unmounting ${mountpoint}`, () => volume.stop({ force: true }))
  await keepOutOfCoreDumps(backend, logger)
  const control = await listenControl(
    claim.paths.control,
    {
      status: () => ({
        status: volume.status,
        counters: volume.counters(),
        pending: volume.pending(),
        features: volume.features,
      }),
      stop: (force) => stopForControl(volume, force),
    },
    logger,
  )
  const closeControl = (): Promise<void> => control.close()
  undo.add('closing the control socket', closeControl)
  signals.watch(volume)
  await claim.publish(volume.status)
  return { volume, claim, closeControl }
}

/** With a deadline: where storage stands still so may every thread that works on files, and the daemon has to end. */
const giveBack = async (claim: Claim, logger: Logger): Promise<void> => {
  const late = Symbol('late')
  try {
    const first = await orLate(claim.release(), deadlines.farewell, late)
    if (first === late) logger.warn(`${claim.paths.directory} is not removed: storage does not answer`)
  } catch (error) {
    logger.warn(`cannot remove ${claim.paths.directory}: ${String(error)}`)
  }
}

export interface ServeResult {
  /** The signal that ended the volume by force; absent after a clean end. */
  readonly forcedBy: NodeJS.Signals | undefined
}

/**
 * Serves until the volume ends: a signal, `ringvol detach`, or an unmount from outside. Throws what the start failed
 * with (nothing is left behind then), Interrupted if a signal came before it was ready, and the error of the last
 * flush.
 */
export const serve = async (options: ServeOptions, context: ServeContext): Promise<ServeResult> => {
  const signals = new StopOnSignal(context.logger)
  const undo = new UndoStack()
  try {
    const { volume, claim, closeControl } = await start(options, context, signals, undo)
    try {
      context.onReady(volume.status)
      undo.forget() // what happens from here on is no failed start: an image that was made and served stays
      await volume.closed
    } finally {
      await closeControl()
      await giveBack(claim, context.logger)
    }
    return { forcedBy: signals.forcedBy }
  } catch (error) {
    await undo.run(context.logger)
    throw error
  } finally {
    signals.release()
  }
}
