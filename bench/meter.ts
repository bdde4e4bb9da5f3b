/**
 * CPU and memory of a system's daemons and of the machine, from /proc. Reading costs nothing that would be measured.
 */
import { readText } from './mounts.js'

/** Ticks of /proc are 1/100 s on every Linux that user space sees, whatever HZ the kernel was built with. */
const tick = 0.01

/** utime + stime of all threads, in seconds; null for a process that is gone. */
export const parseProcessCpu = (stat: string | null): number | null => {
  if (stat === null) return null
  // The name stands in parentheses and may itself hold blanks and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * tick
}

/** Everything that was neither idle nor waiting for a disk, in seconds. Guest time is part of user time already. */
export const parseMachineCpu = (stat: string | null): number => {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] =
    (stat ?? '').split('\n')[0]?.split(/\s+/).map(Number) ?? []
  return (user + nice + system + irq + softirq + steal) * tick
}

/** Seconds; null if there is no daemon. */
export const daemonCpu = (pids: readonly number[]): number | null =>
  pids.length === 0
    ? null
    : pids.reduce((sum, pid) => sum + (parseProcessCpu(readText(`/proc/${String(pid)}/stat`)) ?? 0), 0)

export const machineCpu = (): number => parseMachineCpu(readText('/proc/stat'))

/** Bytes of the largest resident sizes so far; null if there is no daemon. */
export const peakMemory = (pids: readonly number[]): number | null =>
  pids.length === 0
    ? null
    : pids.reduce(
        (sum, pid) =>
          sum + Number(/^VmHWM:\s+(\d+) kB/m.exec(readText(`/proc/${String(pid)}/status`) ?? '')?.[1] ?? 0) * 1024,
        0,
      )
