/**
 * Diagnostics go to stderr and only there: stdout belongs to data (the ready line, tables, JSON).
 *
 * pino writes synchronously here. The daemon must not buffer lines it may never get to write, and a log line is never
 * on the path of a request. Never point stderr at a file on an exported volume: the write would wait for itself.
 */
import { pino, type Logger } from 'pino'

export type { Logger }
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
export type LogFormat = 'text' | 'json'

export interface LogOptions {
  readonly level?: LogLevel
  /** Default: text on a terminal, json elsewhere. */
  readonly format?: LogFormat
}

interface Line {
  readonly level: number
  readonly msg?: string
  readonly [field: string]: unknown
}

const label = (level: number): string => (level >= 50 ? 'error: ' : level >= 40 ? 'warning: ' : '')

/** One JSON line of pino as a person reads it: `ringvol: warning: message key=value`. */
export const formatLine = (json: string): string => {
  const {
    level,
    msg = '',
    time: _time,
    pid: _pid,
    hostname: _hostname,
    name = 'ringvol',
    ...fields
  } = JSON.parse(json) as Line
  const rest = Object.entries(fields).map(
    ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return `${String(name)}: ${label(level)}${msg}${rest.join('')}\n`
}

export const createLogger = ({
  level = 'info',
  format = process.stderr.isTTY ? 'text' : 'json',
}: LogOptions = {}): Logger => {
  const options = { name: 'ringvol', level }
  const stderr = pino.destination({ dest: 2, sync: true })
  // A full disk under the log costs its lines, not the volume: without a listener the write would throw at the caller.
  stderr.on('error', () => undefined)
  return format === 'json' ? pino(options, stderr) : pino(options, { write: (json) => stderr.write(formatLine(json)) })
}

/** For library users who pass no logger. */
export const silentLogger: Logger = pino({ level: 'silent' })
