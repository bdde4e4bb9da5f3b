/**
 * The shape of a result file. Fields are added, never renamed, so that `compare` reads files of any age.
 */
import { type TargetName } from './plan.js'
import { type Usage } from './meter.js'
import { type Settings } from './options.js'
import { type Features, type Medium } from './system.js'

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
  /** Nanoseconds for which an idle CPU of a guest polls before it halts; null: no such guest. Not in older files. */
  readonly haltPoll?: number | null
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
  /** Absent in files from before there was more than one. */
  readonly medium?: Medium
  readonly transport: string | null
  readonly reason: string | null
  readonly lanes: number | null
  /** What it was started with, as far as that shapes the figures. */
  readonly options?: string | null
  readonly features?: Features | null
  /** What the loop device says about itself; false is slower and said in the table. */
  readonly directIo: boolean | null
  /** Why it could not run here; null when it ran. */
  readonly unavailable: string | null
  readonly notes: readonly string[]
  /** Bytes, the largest resident size of its daemons; null where the kernel does the work. */
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
  readonly p999?: number
}

export interface RunRecord extends Figures {
  readonly target: TargetName
  readonly round: number
  readonly pattern: string
  readonly depth: number
  readonly system: string
  /** Seconds that the fio process lived: the CPU seconds below are of these. */
  readonly wall?: number
  /** CPU seconds of the system's daemons; null where the kernel does the work. */
  readonly daemonCpu: number | null
  /** CPU seconds of the whole machine, everything that was not idle. */
  readonly machineCpu: number
  /** CPU seconds that the host gave to somebody else meanwhile. */
  readonly stolenCpu?: number
  /** CPU seconds of programs that have no part in the run: neither fio, nor a daemon of the system, nor the kernel. */
  readonly foreignCpu?: number
  /** Bytes, the largest resident size of the daemons during this run; null where the kernel does the work. */
  readonly peakMemory?: number | null
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

/** One system under the same load for minutes (--soak). */
export interface SoakRecord {
  readonly system: string
  readonly minutes: number
  readonly depth: number
  readonly iops: number
  readonly operations: number
  readonly checkedReads: number
  readonly samples: readonly Usage[]
}

export interface Results {
  readonly schema: 1
  readonly startedAt: string
  /** Seconds, of the whole program. */
  readonly seconds: number
  readonly settings: Settings
  readonly machine: Machine
  readonly systems: readonly SystemRecord[]
  /** fio's options of each pattern, as they were given for the deepest of its depths. */
  readonly fio?: Readonly<Record<string, string>>
  readonly runs: readonly RunRecord[]
  readonly soaks?: readonly SoakRecord[]
  readonly checks: readonly CheckRecord[]
  /** What a reader should know before believing the figures. */
  readonly warnings: readonly string[]
}
