/**
 * A system is one thing that can be measured: it turns a store of blocks into a block device. Plain loop device,
 * ringvol with some backend and transport, another program: one object each, made in systems/.
 */

/**
 * What the blocks lie on. A system is compared with the plain loop device over the same medium, or, where there is none
 * such, with the first: nothing but a file can be below a loop device.
 */
export type Medium = 'tmpfs' | 'ext4' | 'image' | 'memory' | 'nothing'

/** Of ring and kernel, by the names that `ringvol info` gives them. */
export interface Features {
  readonly used: readonly string[]
  readonly missing: readonly string[]
}

export interface Running {
  /** /dev/loopN */
  readonly device: string
  /** The file below the loop device, or null where the system shows none. */
  readonly volume: string | null
  /** Its daemons: none where the kernel does all the work. */
  readonly pids: readonly number[]
  readonly directIo: boolean
  readonly transport: string | null
  /** Why this transport. */
  readonly reason: string | null
  readonly lanes: number | null
  /** What it was started with, as far as that shapes the figures. */
  readonly options: string | null
  readonly features: Features | null
  /** What a reader of the figures must know about this system on this machine. */
  readonly notes: readonly string[]
  stop(): Promise<void>
}

export interface System {
  /** Unique in a run; the name in every report. */
  readonly name: string
  /** The one that all others are compared with. */
  readonly baseline: boolean
  /** Another project's program: wrong data of a peer is reported, wrong data of ours fails the run. */
  readonly peer: boolean
  readonly backend: string
  readonly medium: Medium
  /** Where the blocks lie. Systems with the same store are never attached at the same time. */
  readonly store: string
  /** false: reads give nothing that was written, so only raw figures and no verification. */
  readonly holdsData: boolean
  /** Bytes of the volume. */
  readonly size: number
  /** Throws an error of exit status 3 if this machine lacks something the system needs: it is then reported, not measured. */
  start(): Promise<Running>
}
