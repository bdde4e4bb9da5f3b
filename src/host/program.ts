/**
 * Running small system programs: losetup, mount, umount.
 *
 * Asynchronously, always: a synchronous child would stop the event loop, and if this process serves a volume that the
 * child touches, neither would ever go on.
 */
import { spawn } from 'node:child_process'
import { RingvolError } from '../errors.js'
import { deadlines } from './deadlines.js'

export interface ProgramResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Debian package that brings a program, for the advice. */
const packages: Readonly<Record<string, string>> = { losetup: 'mount', mount: 'mount', umount: 'mount' }

/** A login shell of a user often lacks the sbin folders, where losetup lives. */
const searchPath = `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin:/sbin`

/** First line of what a program said, without its own name: `losetup: x: failed` → `x: failed`. */
export const reasonIn = (program: string, { code, stderr }: ProgramResult): string => {
  const line = stderr.split('\n').find((text) => text.trim() !== '')
  return line?.replace(new RegExp(`^${program}:\\s*`), '').trim() ?? `${program} ended with status ${String(code)}`
}

/**
 * Resolves whatever the exit status is. Throws ERR_MISSING_TOOL if there is no such program, ERR_SYSTEM when it has not
 * ended after `deadline` milliseconds: it is killed then, and not waited for, since it may hang in the kernel.
 */
export const runProgram = (
  program: string,
  parameters: readonly string[],
  deadline: number = deadlines.program,
): Promise<ProgramResult> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, parameters, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C', PATH: searchPath },
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      child.stdout.destroy()
      child.stderr.destroy()
      child.unref()
      reject(
        new RingvolError(
          'ERR_SYSTEM',
          `'${[program, ...parameters].join(' ')}' did not end in ${String(deadline)} ms`,
          {
            advice: 'ringvol doctor shows what hangs',
          },
        ),
      )
    }, deadline)
    child.on('error', (error) => {
      clearTimeout(timer)
      const code = 'code' in error && error.code === 'ENOENT' ? 'ERR_MISSING_TOOL' : 'ERR_SYSTEM'
      reject(
        new RingvolError(code, `cannot run ${program}: ${error.message}`, {
          cause: error,
          advice: `apt-get install ${packages[program] ?? program}`,
        }),
      )
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code: code ?? 1, stdout, stderr: signal === null ? stderr : `${stderr}\nended by ${signal}` })
    })
  })
