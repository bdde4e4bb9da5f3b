/**
 * What the process of a server has to be from its first thread on: an I/O flusher, and with no more privileges than
 * serving takes.
 *
 * PR_SET_IO_FLUSHER: memory that the server of a block device asks for must not be got by writing to that very device.
 * Without it, under memory pressure, the kernel may make a thread of ours wait for write-back that only we can serve:
 * a deadlock that leaves nothing in the kernel log (prctl(2)).
 *
 * no_new_privs and the bounding set: whoever takes over a server through a bug of ours, of Node or of a user's module
 * gets what serving takes and no more, and gets nothing back by executing a set-uid program.
 *
 * All three belong to a thread and are inherited over fork and exec. By the time JavaScript runs, V8 and libuv have
 * started their threads without them; so the process sets them and then replaces itself, and every thread of the new
 * image has them. That is before anything is opened, so what setting up takes is kept too.
 */
import { errnoName, errnoOf } from '../errors.js'
import type { Logger } from '../log.js'
import { addon, type Addon } from '../native/addon.js'

/** Says to the next image of this process, or to a child, that the matter is settled. */
export const serverMarker = 'RINGVOL_SERVER_PROCESS'

/** What a server keeps of what it was started with, by number (linux/capability.h). SECURITY.md says what for. */
export const keptCapabilities = {
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_IPC_LOCK: 14,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_RESOURCE: 24,
} as const

type ProcessCalls = Pick<Addon, 'setIoFlusher' | 'setNoNewPrivileges' | 'limitCapabilities' | 'exec'>

const becomeIoFlusher = (logger: Logger, calls: ProcessCalls): void => {
  const errno = calls.setIoFlusher()
  if (errno === 0) return
  logger.warn(
    `cannot become an I/O flusher: ${errnoName(errno)}; under heavy memory pressure the volume could stall; ` +
      'give the process CAP_SYS_RESOURCE (see PR_SET_IO_FLUSHER in prctl(2))',
  )
}

/** A process that is not root and may drop nothing has nothing either: no warning. */
const givePrivilegesUp = (logger: Logger, calls: ProcessCalls): void => {
  calls.setNoNewPrivileges() // needs no permission, and Linux has it since 3.5
  try {
    calls.limitCapabilities(Object.values(keptCapabilities))
  } catch (error) {
    if (process.geteuid?.() !== 0) return
    logger.warn(
      `cannot drop capabilities: ${errnoName(errnoOf(error) ?? 0)}; the daemon keeps all it was started with; ` +
        'give the process CAP_SETPCAP (see PR_CAPBSET_DROP in prctl(2))',
    )
  }
}

/**
 * Settles the matter on this thread and returns what a child's environment has to say about it. For `attach`: its
 * daemon inherits all of it and need not replace itself, and losetup needs no more. Warns once per thing that is not
 * permitted.
 */
export const prepareServerChild = (logger: Logger, calls: ProcessCalls = addon()): Record<typeof serverMarker, '1'> => {
  becomeIoFlusher(logger, calls)
  givePrivilegesUp(logger, calls)
  return { [serverMarker]: '1' }
}

/**
 * Makes this process a server's by replacing it with a new image of itself, unless the marker says that this has been
 * done. Call it before anything is opened or started; it does not return if it did something.
 */
export const becomeServer = (
  logger: Logger,
  calls: ProcessCalls = addon(),
  environment: NodeJS.ProcessEnv = process.env,
): void => {
  if (environment[serverMarker] !== undefined) return
  const inherited: NodeJS.ProcessEnv = { ...environment, ...prepareServerChild(logger, calls) }
  calls.exec(
    process.execPath,
    [process.argv0, ...process.execArgv, ...process.argv.slice(1)],
    Object.entries(inherited).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])),
  )
}
