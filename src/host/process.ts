/**
 * Which process: a pid alone is not enough, because the kernel gives the number to somebody else once its owner is
 * gone. Together with its start time (field 22 of /proc/PID/stat, clock ticks since boot) it names one process for
 * good.
 */
import { readdir, readFile } from 'node:fs/promises'
import { errnoName, errnoOf, RingvolError } from '../errors.js'
import { until } from './poll.js'
import { systemRoots, type Roots } from './roots.js'

/** SIGKILL in the signal masks of /proc/PID/status. */
const killBit = 1n << 8n

export interface ProcessId {
  readonly pid: number
  /** Clock ticks from boot to the start of the process. */
  readonly startTime: number
}

/**
 * The fields of /proc/PID/stat from the third, the state, on. The command name, field 2, may hold spaces and
 * parentheses: count from the last one.
 */
const fieldsIn = (stat: string): string[] => stat.slice(stat.lastIndexOf(')') + 2).split(' ')

/**
 * Start time out of the text of /proc/PID/stat; undefined for a process that has ended and only waits for its parent
 * (its descriptors are closed, and a parent that never waits would keep it "alive" for ever).
 */
export const startTimeIn = (stat: string): number | undefined => {
  const [state, ...rest] = fieldsIn(stat)
  const ticks = Number(rest[18])
  return state === 'Z' || state === 'X' || !Number.isFinite(ticks) ? undefined : ticks
}

/** The running process of this pid, or undefined. */
export const identify = async (pid: number, roots: Roots = systemRoots()): Promise<ProcessId | undefined> => {
  const stat = await readFile(`${roots.proc}/${String(pid)}/stat`, 'latin1').catch(() => undefined)
  const startTime = stat === undefined ? undefined : startTimeIn(stat)
  return startTime === undefined ? undefined : { pid, startTime }
}

export const identifySelf = async (): Promise<ProcessId> => {
  const self = await identify(process.pid)
  if (self === undefined) {
    throw new RingvolError('ERR_SYSTEM', 'cannot read /proc/self/stat', { advice: 'mount proc on /proc' })
  }
  return self
}

export const isAlive = async (id: ProcessId, roots: Roots = systemRoots()): Promise<boolean> =>
  (await identify(id.pid, roots))?.startTime === id.startTime

/** A pid is given again, a pid with its start time is not. */
export const isSame = (a: ProcessId, b: ProcessId): boolean => a.pid === b.pid && a.startTime === b.startTime

/** PF_EXITING of the kernel's sched.h, in field 9 of /proc/PID/stat. */
const exitingFlag = 4

/**
 * Killed, and not gone: a thread of it waits inside the kernel for storage that stands still, and until that answers
 * the process holds what it had open. SIGKILL stays pending for the process as a whole (bit 8 of ShdPnd) until its last
 * thread is gone, also behind a leader that is a zombie already; a leader that has taken the signal is exiting.
 */
export const isDying = async ({ pid }: Pick<ProcessId, 'pid'>, { proc }: Roots = systemRoots()): Promise<boolean> => {
  const stat = await readFile(`${proc}/${String(pid)}/stat`, 'latin1').catch(() => '')
  const [state = 'Z', , , , , , flags] = fieldsIn(stat)
  if (!/^[ZX]/.test(state) && (Number(flags) & exitingFlag) !== 0) return true
  const folder = `${proc}/${String(pid)}/task`
  const threads = await readdir(folder).catch(() => [])
  for (const thread of threads) {
    const status = await readFile(`${folder}/${thread}/status`, 'latin1').catch(() => '')
    const lives = /^State:\s+[^ZX]/m.test(status)
    const pending = /^ShdPnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'
    if (lives && (BigInt(`0x${pending}`) & killBit) !== 0n) return true
  }
  return false
}

/** Gone, or past the point where it could do anything more. */
export const isEnding = async (id: ProcessId, roots: Roots = systemRoots()): Promise<boolean> =>
  !(await isAlive(id, roots)) || (await isDying(id, roots))

/** Why a process that lives does not answer, as far as its state says. */
export const whySilent = async ({ pid }: ProcessId, { proc }: Roots = systemRoots()): Promise<string> => {
  const status = await readFile(`${proc}/${String(pid)}/status`, 'latin1').catch(() => '')
  const state = /^State:\s+(\S)/m.exec(status)?.[1] ?? ''
  return { T: 'is stopped', t: 'is stopped by a debugger', D: 'waits inside the kernel' }[state] ?? 'does not answer'
}

/** false when it still runs after `deadline` milliseconds. */
export const waitGone = (id: ProcessId, deadline: number): Promise<boolean> =>
  until(async () => !(await isAlive(id)), { deadline })

/** Sends the signal if this very process still runs; a process that is gone is no error. */
export const sendSignal = async (id: ProcessId, signal: NodeJS.Signals): Promise<void> => {
  if (!(await isAlive(id))) return
  try {
    process.kill(id.pid, signal)
  } catch (error) {
    const errno = errnoOf(error)
    if (errno !== undefined && errnoName(errno) === 'ESRCH') return
    throw new RingvolError('ERR_DAEMON', `cannot send ${signal} to process ${String(id.pid)}`, {
      cause: error,
      advice: 'run as the user that started it',
      ...(errno === undefined ? {} : { errno }),
    })
  }
}
