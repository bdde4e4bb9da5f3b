/**
 * The shape of a result file. Fields are added, never renamed, so that `compare` reads files of any age.
 */
import { type TargetName } from './plan.js'
import { type Settings } from './options.js'

export interface Machine {
  readonly kernel: string
  readonly distribution: string
  readonly cpu: string
  readonly cpus: number
  /** Bytes. */
  readonly memory: number
  /** Bytes the kernel says can be had without swapping, before the run. */
  readonly memoryAvailable: number
  readonly governor: string | null
  /** One minute, before the run: what else was going on. */
  readonly load: number
  readonly node: string
  readonly fio: string
  readonly losetup: string
  readonly ringvol: string
  readonly commit: string | null
  /** FUSE-over-io_uring, as it was found: the kernel's module parameter. */
  readonly enableUring: boolean | null
}

/** One system: what was asked for and what really ran. */
export interface SystemRecord {
  readonly name: string
  readonly baseline: boolean
  readonly peer: boolean
  readonly backend: string
  readonly transport: string | null
  readonly reason: string | null
  readonly lanes: number | null
  /** What the loop device says about itself; false is slower and said in the table. */
  readonly directIo: boolean | null
  /** Why it could not run here; null when it ran. */
  readonly unavailable: string | null
  readonly notes: readonly string[]
  /** Bytes, the largest resident size of its daemons so far; null where the kernel does the work. */
  peakMemory: number | null
}

/** What fio says about one timed run. Reads and writes of a mixed pattern are added; the latency is the worse of both. */
export interface Figures {
  readonly iops: number
  readonly bytesPerSecond: number
  readonly operations: number
  /** Seconds that fio timed. */
  readonly seconds: number
  /** Nanoseconds from submission to completion. */
  readonly p50: number
  readonly p99: number
}

export interface RunRecord extends Figures {
  readonly target: TargetName
  readonly round: number
  readonly pattern: string
  readonly depth: number
  readonly system: string
  /** CPU seconds of the system's daemons; null where the kernel does the work. */
  readonly daemonCpu: number | null
  /** CPU seconds of the whole machine, everything that was not idle, during the fio process. */
  readonly machineCpu: number
  /** Reads of known data that were checked while this run was timed. */
  readonly checkedReads: number
}

export interface CheckRecord {
  readonly system: string
  readonly target: TargetName
  readonly check: string
  readonly ok: boolean
  readonly detail: string
}

export interface Results {
  readonly schema: 1
  readonly startedAt: string
  /** Seconds, of the whole program. */
  readonly seconds: number
  readonly settings: Settings
  readonly machine: Machine
  readonly systems: readonly SystemRecord[]
  readonly runs: readonly RunRecord[]
  readonly checks: readonly CheckRecord[]
  /** What a reader should know before believing the figures. */
  readonly warnings: readonly string[]
}
