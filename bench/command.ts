/**
 * Starts programs and waits for them, each with a deadline.
 *
 * Every child gets its own process group: a Ctrl-C on the terminal then reaches only this program, which decides what
 * is broken off (fio) and what must run to its end so that nothing is left half made (mount, losetup, detach).
 */
import { spawn } from 'node:child_process'
import { RingvolError } from '../src/errors.js'

export interface CommandOptions {
  /** Seconds until the child is killed and the call fails. Default 60. */
  readonly deadline?: number
  /** Breaks the child off when aborted. Without it the child runs to its end, whatever happens. */
  readonly signal?: AbortSignal
  readonly cwd?: string
}

export interface Outcome {
  /** Exit status; 128 + number for a signal. */
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

const graceMs = 5000

/** Only groups that this program has started: the child's own. */
const killGroup = (pid: number | undefined, signal: 'SIGTERM' | 'SIGKILL'): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // It ended between the decision and the signal.
  }
}

/** Any exit status is an outcome. Throws ERR_MISSING_TOOL, ERR_SYSTEM at the deadline, and the signal's reason. */
export const attempt = (command: readonly string[], options: CommandOptions = {}): Promise<Outcome> => {
  const [program = '', ...args] = command
  const { deadline = 60, signal, cwd } = options
  if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      ...(cwd === undefined ? {} : { cwd }),
    })
    let stdout = ''
    let stderr = ''
    let late = false
    const stop = (): void => {
      killGroup(child.pid, 'SIGTERM')
      setTimeout(() => {
        if (child.exitCode === null && child.signalCode === null) killGroup(child.pid, 'SIGKILL')
      }, graceMs).unref()
      // One that sleeps in the kernel does not even end by SIGKILL: nobody waits for it, or nothing is taken down.
      setTimeout(letGo, graceMs + 1000, null).unref()
    }
    const timer = setTimeout(() => {
      late = true
      stop()
    }, deadline * 1000)
    signal?.addEventListener('abort', stop)
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', (cause) => {
      clearTimeout(timer)
      reject(
        new RingvolError('ERR_MISSING_TOOL', `cannot start ${program}: ${cause.message}`, {
          cause,
          advice: 'run scripts/setup.sh bench',
        }),
      )
    })
    const settle = (code: number | null): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
      if (signal?.aborted === true) reject(signal.reason as Error)
      else if (late)
        reject(new RingvolError('ERR_SYSTEM', `${command.join(' ')} did not end within ${String(deadline)} s`))
      else resolve({ status: code ?? 128, stdout, stderr })
    }
    const letGo = (code: number | null): void => {
      child.unref()
      child.stdout.destroy()
      child.stderr.destroy()
      settle(code)
    }
    child.on('close', settle)
    // A daemon that the child left behind may hold its pipes open: then 'close' never comes.
    child.on('exit', (code) => setTimeout(letGo, 300, code).unref())
  })
}

/** What a failed program said, in one line. */
export const lastLine = ({ stderr, stdout }: Outcome): string =>
  (stderr.trim() || stdout.trim()).split('\n').at(-1)?.trim() ?? ''

/** stdout. Any exit status but 0 throws ERR_SYSTEM with what the program said. */
export const must = async (command: readonly string[], options?: CommandOptions): Promise<string> => {
  const outcome = await attempt(command, options)
  if (outcome.status !== 0) {
    const said = lastLine(outcome)
    throw new RingvolError(
      'ERR_SYSTEM',
      `${command.join(' ')} failed with status ${String(outcome.status)}${said === '' ? '' : `: ${said}`}`,
    )
  }
  return outcome.stdout
}

/** Looks until `probe` gives something other than undefined. Throws ERR_SYSTEM after `seconds`. */
export const until = async <T>(
  what: string,
  seconds: number,
  probe: () => T | undefined | Promise<T | undefined>,
): Promise<T> => {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const value = await probe()
    if (value !== undefined) return value
    if (Date.now() > end) throw new RingvolError('ERR_SYSTEM', `${what} did not happen within ${String(seconds)} s`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
