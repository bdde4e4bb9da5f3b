/**
 * Starting `ringvol serve` in the background, and ending it.
 *
 * A failure in the background is shown in the foreground: the daemon logs JSON lines into the log of its volume, and
 * its last error, with its code, becomes the error of whoever started it. Readiness is the line on the daemon's stdout
 * and nothing else; until then the start can still fail.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { open, type FileHandle } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { errorCodes, RingvolError, type ErrorCode } from '../errors.js'
import type { Logger } from '../log.js'
import type { VolumeStatus } from '../volume.js'
import { deadlines } from './deadlines.js'
import { identify, sendSignal, waitGone, type ProcessId } from './process.js'

export interface DaemonOptions {
  /** Program and arguments. It must write one JSON line on stdout when it serves, and log JSON lines on stderr. */
  readonly command: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  /** File for its stderr. */
  readonly log: string
  readonly logger: Logger
  /** Gives up waiting, and ends the daemon. */
  readonly signal?: AbortSignal
  /** Milliseconds; default 30 s. */
  readonly deadline?: number
}

export interface Daemon {
  readonly id: ProcessId
  readonly status: VolumeStatus
}

interface LogLine {
  readonly level: number
  readonly msg: string
  readonly code?: string
}

const parseLine = (text: string): LogLine | undefined => {
  try {
    const line = JSON.parse(text) as Partial<LogLine>
    return typeof line.level === 'number' && typeof line.msg === 'string' ? (line as LogLine) : undefined
  } catch {
    return undefined
  }
}

const isErrorCode = (code: string | undefined): code is ErrorCode => code !== undefined && code in errorCodes

/** The last error in a daemon's log; if it logged none, for instance because it crashed, its last words. */
export const errorIn = (log: string, otherwise: string): RingvolError => {
  const lines = log.split('\n').filter((line) => line.trim() !== '')
  const error = lines.map(parseLine).findLast((line) => line !== undefined && line.level >= 50)
  if (error !== undefined) return new RingvolError(isErrorCode(error.code) ? error.code : 'ERR_DAEMON', error.msg)
  const last = lines.at(-1)
  return new RingvolError('ERR_DAEMON', `the daemon did not start: ${last === undefined ? otherwise : last.trim()}`)
}

/** Warnings of the start belong on the terminal of whoever started it. */
const repeatWarnings = (log: string, logger: Logger): void => {
  for (const line of log.split('\n').map(parseLine)) {
    if (line?.level === 40) logger.warn(line.msg)
  }
}

/** Resolves with the ready line; with a reason as soon as there cannot be one any more. */
const readyLine = (
  child: ChildProcess,
  { deadline = deadlines.ready, signal }: Pick<DaemonOptions, 'deadline' | 'signal'>,
): Promise<{ status: VolumeStatus } | { reason: string }> =>
  new Promise((resolve) => {
    const settle = (result: { status: VolumeStatus } | { reason: string }): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      resolve(result)
    }
    const timer = setTimeout(() => {
      settle({ reason: `it was not ready after ${String(deadline)} ms` })
    }, deadline)
    const onAbort = (): void => {
      settle({ reason: 'interrupted' })
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    child.once('error', (error) => {
      settle({ reason: error.message })
    })
    child.once('exit', (code, name) => {
      settle({ reason: name === null ? `it ended with status ${String(code)}` : `${name} ended it` })
    })
    if (child.stdout === null) return
    createInterface({ input: child.stdout }).on('line', (line) => {
      const status = parseReady(line)
      if (status !== undefined) settle({ status })
    })
  })

/** A module may print what it likes while it is loaded, also without ending its line: only the ready line is ours. */
const parseReady = (line: string): VolumeStatus | undefined => {
  try {
    const value = JSON.parse(line.slice(Math.max(0, line.lastIndexOf('{"name":')))) as Partial<VolumeStatus> | null
    const ready = typeof value?.volume === 'string' && typeof value.pid === 'number'
    return ready ? (value as VolumeStatus) : undefined
  } catch {
    return undefined
  }
}

/**
 * Ends a daemon that serves nobody yet: politely, again (which makes it unmount by force), then by SIGKILL.
 * false if even that did not help: it hangs in the kernel.
 */
export const endDaemon = async (id: ProcessId): Promise<boolean> => {
  for (const name of ['SIGTERM', 'SIGTERM', 'SIGKILL'] as const) {
    await sendSignal(id, name)
    if (await waitGone(id, deadlines.killed / 2)) return true
  }
  return false
}

/** Its own session, so that Ctrl-C on the terminal is not meant for it. */
const launch = ({ command, environment }: DaemonOptions, log: FileHandle): ChildProcess => {
  const [program = process.execPath, ...parameters] = command
  const stdio = ['ignore', 'pipe', log.fd] as const
  return spawn(program, parameters, { detached: true, env: environment, stdio: [...stdio] })
}

/**
 * Starts a daemon and waits until it serves. Throws the daemon's own error if it ends before that, ERR_DAEMON if it is
 * not
 * ready in time, the reason of `signal` if that aborts; in each case the daemon is gone.
 */
export const startDaemon = async (options: DaemonOptions): Promise<Daemon> => {
  const { log: path, logger, signal } = options
  signal?.throwIfAborted()
  const log = await open(path, 'a', 0o600)
  // Opened now, because a daemon that fails removes its folder, and apart, because the daemon moves the position of
  // `log`.
  const reader = await open(path, 'r')
  try {
    const child = launch(options, log)
    const ready = await readyLine(child, options)
    const id = child.pid === undefined ? undefined : await identify(child.pid)
    if ('status' in ready && id !== undefined) {
      // Neither the pipe nor the child may keep this process running.
      child.stdout?.destroy()
      child.unref()
      repeatWarnings(await reader.readFile('utf8'), logger)
      return { id, status: ready.status }
    }
    if (id !== undefined) await endDaemon(id)
    signal?.throwIfAborted()
    const reason = 'reason' in ready ? ready.reason : 'it ended at once'
    throw errorIn(await reader.readFile('utf8'), reason)
  } finally {
    await log.close()
    await reader.close()
  }
}
