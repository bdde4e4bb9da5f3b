/**
 * CPU and memory of a system's daemons and of the machine, from /proc. Reading costs nothing that would be measured.
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { readText } from './mounts.js'

/** Ticks of /proc are 1/100 s on every Linux that user space sees, whatever HZ the kernel was built with. */
const tick = 0.01

/** CPU seconds of a process since it began. */
export interface ProcessTimes {
  readonly user: number
  readonly total: number
  /** User time of its children that have ended and were waited for, and of theirs. */
  readonly children: number
}

/** Of all threads; null for a process that is gone. */
export const parseProcess = (stat: string | null): ProcessTimes | null => {
  if (stat === null) return null
  // The name stands in parentheses and may itself hold blanks and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user = 0, system = 0, children = 0] = fields.slice(11, 14).map((field) => Number(field) * tick)
  return { user, total: user + system, children }
}

/** CPU seconds of the machine since it began. */
export interface MachineTimes {
  /** Everything that was neither idle nor waiting for a disk. */
  readonly busy: number
  readonly user: number
  /** Time that the host gave to somebody else. */
  readonly stolen: number
}

export const parseMachine = (stat: string | null): MachineTimes => {
  // Guest time is part of user time already.
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, stolen = 0] =
    (stat ?? '').split('\n')[0]?.split(/\s+/).map(Number) ?? []
  return { busy: (user + nice + system + irq + softirq) * tick, user: (user + nice) * tick, stolen: stolen * tick }
}

/** Everything that a timed run uses up, at one moment. */
export interface Meter {
  /** Seconds, of no particular beginning. */
  readonly time: number
  readonly machine: MachineTimes
  /** Null if there is no daemon. */
  readonly daemon: number | null
  /** User time of the daemons, of this program and of what it has started. */
  readonly ours: number
}

const readProcess = (pid: number | 'self'): ProcessTimes =>
  parseProcess(readText(`/proc/${String(pid)}/stat`)) ?? { user: 0, total: 0, children: 0 }

export const readMeter = (pids: readonly number[]): Meter => {
  const daemons = pids.map(readProcess)
  const self = readProcess('self')
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  return {
    time: performance.now() / 1000,
    machine: parseMachine(readText('/proc/stat')),
    daemon: pids.length === 0 ? null : sum(daemons.map(({ total }) => total)),
    ours: self.user + self.children + sum(daemons.map(({ user }) => user)),
  }
}

export interface Used {
  readonly wall: number
  readonly daemonCpu: number | null
  readonly machineCpu: number
  readonly stolenCpu: number
  readonly foreignCpu: number
}

/**
 * User time tells who had no part in it: what the kernel does for a run is spread over its own threads and interrupts,
 * but none of that is user time. Both sides are counted in ticks, so a small rest below zero is none.
 */
export const used = (before: Meter, after: Meter): Used => {
  const user = after.machine.user - before.machine.user
  return {
    wall: after.time - before.time,
    daemonCpu: before.daemon === null || after.daemon === null ? null : after.daemon - before.daemon,
    machineCpu: after.machine.busy - before.machine.busy,
    stolenCpu: after.machine.stolen - before.machine.stolen,
    foreignCpu: Math.max(0, user - (after.ours - before.ours)),
  }
}

/** Of /proc/PID/status, in bytes. */
const statusBytes = (pid: number, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readText(`/proc/${String(pid)}/status`) ?? '')?.[1] ?? 0) *
  1024

/** Bytes of the largest resident sizes since `forgetPeak`; null if there is no daemon. */
export const peakMemory = (pids: readonly number[]): number | null =>
  pids.length === 0 ? null : pids.reduce((sum, pid) => sum + statusBytes(pid, 'VmHWM'), 0)

/** What daemons hold at one moment. */
export interface Usage {
  readonly seconds: number
  /** Bytes. */
  readonly resident: number
  readonly descriptors: number
  readonly threads: number
}

const entries = (path: string): number => {
  try {
    return readdirSync(path).length
  } catch {
    return 0
  }
}

/** A process that is gone holds nothing. */
export const readUsage = (pids: readonly number[], seconds: number): Usage => {
  const sum = (value: (pid: number) => number): number => pids.reduce((total, pid) => total + value(pid), 0)
  return {
    seconds,
    resident: sum((pid) => statusBytes(pid, 'VmRSS')),
    descriptors: sum((pid) => entries(`/proc/${String(pid)}/fd`)),
    threads: sum((pid) => entries(`/proc/${String(pid)}/task`)),
  }
}

/** From here on `peakMemory` counts anew. */
export const forgetPeak = (pids: readonly number[]): void => {
  for (const pid of pids) {
    try {
      // 5: reset the peak and nothing else (proc(5)).
      writeFileSync(`/proc/${String(pid)}/clear_refs`, '5')
    } catch {
      // Without it the peak is that of the whole life, which is more and not less.
    }
  }
}
