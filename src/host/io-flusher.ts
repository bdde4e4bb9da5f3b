/**
 * PR_SET_IO_FLUSHER: memory that the server of a block device asks for must not be got by writing to that very device.
 *
 * Without it, under memory pressure, the kernel may make a thread of ours wait for write-back that only we can serve:
 * a deadlock that leaves nothing in the kernel log (prctl(2), PR_SET_IO_FLUSHER). The flag belongs to a thread and is
 * inherited over fork and exec. By the time JavaScript runs, V8 and libuv have started their threads without it; so the
 * process sets the flag and then replaces itself, and every thread of the new image has it.
 */
import { errnoName } from '../errors.js'
import type { Logger } from '../log.js'
import { addon, type Addon } from '../native/addon.js'

/** Says to the next image of this process, or to a child, that the matter is settled. */
export const ioFlusherMarker = 'RINGVOL_IO_FLUSHER'

type FlusherCalls = Pick<Addon, 'setIoFlusher' | 'exec'>

const warn = (errno: number, logger: Logger): void => {
  logger.warn(
    `cannot become an I/O flusher: ${errnoName(errno)}; under heavy memory pressure the volume could stall; ` +
      'give the process CAP_SYS_RESOURCE (see PR_SET_IO_FLUSHER in prctl(2))',
  )
}

/**
 * Sets the flag on this thread and returns what a child's environment has to say about it. For `attach`: its daemon
 * inherits the flag and need not replace itself. Warns once if it is not permitted.
 */
export const setIoFlusherForChild = (
  logger: Logger,
  calls: FlusherCalls = addon(),
): Record<typeof ioFlusherMarker, string> => {
  const errno = calls.setIoFlusher()
  if (errno !== 0) warn(errno, logger)
  return { [ioFlusherMarker]: errno === 0 ? 'set' : errnoName(errno) }
}

/**
 * Makes this process an I/O flusher by replacing it with a new image of itself, unless the marker says that this has
 * been
 * done. Call it before anything is opened or started; it does not return if it succeeds. Without the permission it
 * warns once and returns.
 */
export const becomeIoFlusher = (
  logger: Logger,
  calls: FlusherCalls = addon(),
  environment: NodeJS.ProcessEnv = process.env,
): void => {
  if (environment[ioFlusherMarker] !== undefined) return
  const errno = calls.setIoFlusher()
  if (errno !== 0) {
    warn(errno, logger)
    return
  }
  const inherited: NodeJS.ProcessEnv = { ...environment, [ioFlusherMarker]: 'set' }
  calls.exec(
    process.execPath,
    [process.argv0, ...process.execArgv, ...process.argv.slice(1)],
    Object.entries(inherited).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])),
  )
}
