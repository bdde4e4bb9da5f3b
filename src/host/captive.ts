/**
 * Running a command with a volume that lives as long as it does.
 *
 * Signals go to the command, and the volume is detached whatever ends it. On a terminal, Ctrl-C and Ctrl-\ reach the
 * whole foreground group, the command among it, so they are not passed on a second time.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { errnoName, errnoOf, RingvolError } from '../errors.js'
import { attachVolume, type AttachContext, type Attached, type AttachOptions } from './attach.js'
import { detachVolume } from './detach.js'
import { signalExitCode, untilSignalled } from './signals.js'

const forwarded = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const
const fromTerminal = new Set<NodeJS.Signals>(['SIGINT', 'SIGQUIT'])

/** Passes signals on to `child()`, if there is one, until the returned function is called. */
const forwardSignals = (child: () => ChildProcess | undefined): (() => void) => {
  const forward = (name: NodeJS.Signals): void => {
    if (!(process.stdin.isTTY && fromTerminal.has(name))) child()?.kill(name)
  }
  for (const name of forwarded) process.on(name, forward)
  return () => {
    for (const name of forwarded) process.off(name, forward)
  }
}

/**
 * Its exit status as a shell shows it: 128 + n if signal n ended it, 127 and 126 if it could not be run. Of that Node
 * tells a part by an event and a part by throwing.
 */
const exitStatus = (run: () => ChildProcess, program: string, report: (error: unknown) => void): Promise<number> =>
  new Promise((resolve) => {
    const refused = (error: unknown): void => {
      const errno = errnoOf(error)
      const reason = errno === undefined ? 'it is no name of a program' : errnoName(errno)
      report(new RingvolError('ERR_SYSTEM', `cannot run '${program}': ${reason}`, { path: program, cause: error }))
      resolve(reason === 'ENOENT' ? 127 : 126)
    }
    try {
      const child = run()
      child.once('error', refused)
      child.once('exit', (code, name) => {
        resolve(name === null ? (code ?? 1) : signalExitCode(name))
      })
    } catch (error) {
      refused(error)
    }
  })

/** Names under which the command finds its volume. */
const volumeEnvironment = ({ device, status }: Attached): NodeJS.ProcessEnv => ({
  ...process.env,
  RINGVOL_DEVICE: device,
  RINGVOL_VOLUME: status.volume,
})

export interface CaptiveContext extends Omit<AttachContext, 'signal'> {
  /** Shows an error that does not decide the exit status. */
  readonly report: (error: unknown) => void
}

/**
 * Attaches, runs, detaches; returns the command's exit status. Throws what attaching failed with (the command did not
 * run then), and what detaching failed with if the command itself succeeded; if not, that is reported.
 */
export const runCaptive = async (
  options: AttachOptions,
  command: readonly string[],
  { report, ...context }: CaptiveContext,
): Promise<number> => {
  const [program, ...parameters] = command
  if (program === undefined) throw new RingvolError('ERR_USAGE', 'there is no command to run')
  let child: ChildProcess | undefined
  const stop = forwardSignals(() => child)
  try {
    const attached = await untilSignalled((signal) => attachVolume(options, { ...context, signal }))
    const run = (): ChildProcess =>
      (child = spawn(program, parameters, { stdio: 'inherit', env: volumeEnvironment(attached) }))
    const status = await exitStatus(run, program, report)
    try {
      await detachVolume(attached.name, context.logger)
    } catch (error) {
      if (status === 0) throw error
      report(error)
    }
    return status
  } finally {
    stop()
  }
}
