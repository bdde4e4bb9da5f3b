/**
 * What this machine and this connection can do, found by asking, never by version.
 *
 * Three sources: io_uring itself (a ring is set up and thrown away), the module parameter and CPU list of the running
 * kernel, and the flags that the kernel offered in this connection's INIT.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { errnoName } from '../errors.js'
import { addon } from '../native/addon.js'

export interface IoUringCapability {
  readonly available: boolean
  /** Why not, with what to do; empty when available. */
  readonly reason: string
  readonly features: readonly string[]
}

const refusals: Readonly<Record<string, string>> = {
  ENOSYS: 'this kernel has no io_uring, or seccomp hides it',
  EPERM: 'seccomp or the sysctl kernel.io_uring_disabled forbids io_uring',
  ENOMEM: 'RLIMIT_MEMLOCK leaves no memory for a ring; raise it with `ulimit -l`',
}

export const probeIoUring = (): IoUringCapability => {
  const { errno, features } = addon().probeIoUring()
  const name = errnoName(errno)
  return {
    available: errno === 0,
    reason: errno === 0 ? '' : (refusals[name] ?? `io_uring_setup fails with ${name}`),
    features,
  }
}

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}

export const enableUringPath = '/sys/module/fuse/parameters/enable_uring'

/** `on`, `off` (switched by the module parameter), or `absent` (this kernel does not know it). */
export const overIoUring = (): 'on' | 'off' | 'absent' => {
  const value = readText(enableUringPath)
  return value === undefined ? 'absent' : value === 'Y' || value === '1' ? 'on' : 'off'
}

/** `0-3,8` → 5. */
export const countCpus = (list: string): number =>
  list
    .split(',')
    .map((part) => part.split('-').map(Number))
    .reduce((sum, [first = 0, last = first]) => sum + last - first + 1, 0)

/** Possible CPUs, present or not: FUSE-over-io_uring has a queue for each. */
export const possibleCpus = (): number => {
  const list = readText('/sys/devices/system/cpu/possible')
  return list === undefined ? availableParallelism() : countCpus(list)
}

/** Seconds after which the kernel itself ends a connection that owes an answer; 0: never. */
export const kernelRequestTimeout = (): number => {
  const names = ['default_request_timeout', 'max_request_timeout']
  const limits = names.map((name) => Number(readText(`/proc/sys/fs/fuse/${name}`) ?? 0)).filter((limit) => limit > 0)
  return limits.length === 0 ? 0 : Math.min(...limits)
}

/** Pages (4 KiB) of the largest request: the sysctl, or what kernels before it have built in. */
export const maxPagesLimit = (): number => Number(readText('/proc/sys/fs/fuse/max_pages_limit') ?? 256)
