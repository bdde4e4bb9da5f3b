/**
 * The one error class of ringvol.
 *
 * Everything a user can meet is a RingvolError with a stable `code`, so that programs branch on the code and people
 * read one line: what failed, on what, the system's reason, and what to do about it. docs/errors.md has a heading for
 * each code; a test compares the two.
 */
import { constants } from 'node:os'

/** Every code, with the exit status the command line ends with: 1 failed, 2 wrong usage, 3 this machine lacks it. */
export const errorCodes = {
  ERR_USAGE: 2,
  ERR_SIZE: 2,
  ERR_SOURCE: 2,
  ERR_NAME: 2,
  ERR_IMAGE_MISSING: 1,
  ERR_IMAGE_TYPE: 1,
  ERR_IMAGE_SIZE: 1,
  ERR_IMAGE_READ_ONLY: 1,
  ERR_IMAGE_BUSY: 1,
  ERR_IMAGE_FULL: 1,
  ERR_MOUNTPOINT: 1,
  ERR_MOUNT: 1,
  ERR_LOOP: 1,
  ERR_NAME_BUSY: 1,
  ERR_NOT_RUNNING: 1,
  ERR_DAEMON: 1,
  ERR_BACKEND: 1,
  ERR_LOG: 1,
  ERR_CLOSED: 1,
  ERR_PROTOCOL: 1,
  ERR_SYSTEM: 1,
  ERR_TRANSPORT: 3,
  ERR_ADDON: 3,
  ERR_PERMISSION: 3,
  ERR_MISSING_TOOL: 3,
} as const

export type ErrorCode = keyof typeof errorCodes

export interface ErrorDetails {
  /** Positive errno of the system call that failed, if one did. */
  readonly errno?: number
  readonly syscall?: string
  /** The file, device or address that was acted on. */
  readonly path?: string
  /** What to do about it: appended to the message after a semicolon. */
  readonly advice?: string
  readonly cause?: unknown
}

/** `new RingvolError('ERR_MOUNT', 'cannot mount on /mnt: no such directory', { advice: 'create it first' })` */
export class RingvolError extends Error {
  readonly code: ErrorCode
  readonly errno: number | undefined
  readonly syscall: string | undefined
  readonly path: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(details.advice === undefined ? message : `${message}; ${details.advice}`, { cause: details.cause })
    this.name = 'RingvolError'
    this.code = code
    this.errno = details.errno
    this.syscall = details.syscall
    this.path = details.path
  }

  /** Exit status of the command line for this error. */
  get exitCode(): number {
    return errorCodes[this.code]
  }
}

const nameByErrno = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]))

/** `28` → `ENOSPC`; an unknown number → `errno 999`. */
export const errnoName = (errno: number): string => nameByErrno.get(errno) ?? `errno ${String(errno)}`

/** The positive errno an exception carries: Node's system errors have it negative, backends may give either sign or only a code. */
export const errnoOf = (error: unknown): number | undefined => {
  if (typeof error !== 'object' || error === null) return undefined
  const { errno, code } = error as { errno?: unknown; code?: unknown }
  if (typeof errno === 'number' && Number.isInteger(errno) && errno !== 0) return Math.abs(errno)
  if (typeof code === 'string' && code in constants.errno) return constants.errno[code as keyof typeof constants.errno]
  return undefined
}
