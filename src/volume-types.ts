/**
 * What a user of the library gives to `exportVolume` and gets from it.
 */
import type { Pending } from './lane/handle.js'
import type { Logger } from './log.js'
import type { TransportName } from './transport/transport.js'

export interface VolumeOptions {
  /** An existing directory. */
  readonly mountpoint: string
  /** Default: the backend's name. Shown in /proc/mounts and in `list`. */
  readonly name?: string
  /** Where the blocks come from, as given by the user; for `status`. Default: the backend's name. */
  readonly source?: string
  /** Default `auto`: the best one this kernel offers. Forcing one that is unavailable throws ERR_TRANSPORT. */
  readonly transport?: TransportName | 'auto'
  /** Threads; default `auto`. */
  readonly lanes?: number | 'auto'
  /** Slots per kernel queue; default `auto`. */
  readonly queueDepth?: number | 'auto'
  /** Bytes; default 1 MiB, also bounded by the sysctl fs.fuse.max_pages_limit. */
  readonly maxIo?: number
  /**
   * Seconds that a request may take before the volume is ended with an error, or `off`, the default. It comes before
   * the kernel's own limit (sysctl fs.fuse.default_request_timeout, max_request_timeout) where that is set.
   */
  readonly requestTimeout?: number | 'off'
  /** Seconds that a serving thread may stand still while requests wait before the connection is aborted; default 60. */
  readonly watchdog?: number | 'off'
  readonly readOnly?: boolean
  readonly allowOther?: boolean
  /** Permission bits of `volume`; default 0o600, without write bits when read-only. */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly logger?: Logger
}

/** The shape that `serve` prints, `list --json` lists and `info --json` shows. Fields are added, never renamed. */
export interface VolumeStatus {
  readonly name: string
  readonly source: string
  /** Bytes. */
  readonly size: number
  readonly mountpoint: string
  /** Path of the file to give to losetup. */
  readonly volume: string
  readonly device: string | null
  readonly pid: number
  readonly transport: TransportName
  /** Why this transport: one sentence. */
  readonly reason: string
  readonly lanes: number
  readonly readOnly: boolean
  /** `changed`: somebody cut the image short, replaced it or made it read-only since the start; the log says what. */
  readonly image: 'unchanged' | 'changed'
  /** ISO 8601 */
  readonly startedAt: string
}

/** Counts since the start, bytes where the name says so; names as in `laneCounters` of native/addon.ts. */
export type VolumeCounters = Readonly<Record<string, number>>

export interface Volume extends AsyncDisposable {
  readonly status: VolumeStatus
  /** What the ring uses, and what this kernel refused it. */
  readonly features: { readonly used: readonly string[]; readonly missing: readonly string[] }
  counters(): VolumeCounters
  /** What callers wait for at this moment. What the kernel does itself (passthrough) is not seen. */
  pending(): Pending
  /** Settles when the volume is gone: after stop(), an unmount from outside, or an abort. Rejects if the last flush failed. */
  readonly closed: Promise<void>
  /** Refuses while `volume` is open elsewhere (EBUSY, ERR_MOUNT) unless `force`; else drains, flushes, unmounts. */
  stop(options?: { force?: boolean }): Promise<void>
}
