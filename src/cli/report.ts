/**
 * An error as the user meets it: one line on stderr, and an exit status.
 *
 * The line is text even where log lines are JSON, unless JSON was asked for: scripts show it to people.
 */
import { RingvolError } from '../errors.js'
import { Interrupted } from '../host/signals.js'
import type { Logger } from '../log.js'

/** 1 failed, 2 wrong usage, 3 this machine lacks something, 128 + n ended by signal n. */
export const exitCodeOf = (error: unknown): number =>
  error instanceof RingvolError || error instanceof Interrupted ? error.exitCode : 1

/** Without line breaks: messages of the system or of a user's module may have some. */
export const lineOf = (error: unknown): string => {
  const known = error instanceof RingvolError || error instanceof Interrupted
  const message = error instanceof Error ? error.message : String(error)
  return `${known ? '' : 'internal error: '}${message.trim().replace(/\s*\n\s*/g, ' ')}`
}

export interface ReportOptions {
  readonly logger: Logger
  /** true: as a log line with `code`. */
  readonly json: boolean
  readonly write: (text: string) => void
}

/** The stack, which only a developer wants, goes to the debug log. */
export const reportError = (error: unknown, { logger, json, write }: ReportOptions): void => {
  if (json) logger.error(error instanceof RingvolError ? { code: error.code } : {}, lineOf(error))
  else write(`ringvol: ${lineOf(error)}\n`)
  for (let cause = error; cause instanceof Error; cause = cause.cause) logger.debug(cause.stack ?? cause.message)
}
