/**
 * The contract of a backend: where blocks live.
 *
 * ```
 *  open ──► read · write · flush · trim · zero · extents · allocate · allocated ──► close
 *           (any number at once, in any order)
 * ```
 *
 * - The caller has checked everything: the range lies inside the volume, length is not 0, the backend is open, a
 *   capability that is false is never used, `open` is called once, and `close` only when everything that was started
 *   has settled (checked.ts does that once for all backends).
 * - `target` and `source` belong to the request's slot. They are valid until the call returns or its promise settles;
 *   keep no reference after that.
 * - A method may return plainly or return a promise. A plain return is cheaper: no promise, no microtask.
 * - There are no short results: `read` fills `target`, `write` stores all of `source`, or the method throws.
 * - What is thrown becomes an errno on that one request: `errno` or `code` of the error if it has one, else EIO.
 * - A write that returned must be visible to every later read. It must be durable only after `flush` settled.
 * - Overlapping requests that run at once may land in either order, as on any disk.
 */

/** A range of the volume and what is known about it. `zero` reads as zeros but takes space, `hole` takes none. */
export interface Extent {
  readonly offset: number
  readonly length: number
  readonly kind: 'data' | 'zero' | 'hole'
}

/** What a backend can do; asked once after `open`, constant from then on. */
export interface Capabilities {
  /** false: the volume is read-only. */
  readonly write: boolean
  /** false: nothing to make durable (memory), `flush` is not called and a barrier succeeds at once. */
  readonly flush: boolean
  readonly trim: boolean
  readonly zero: boolean
  readonly extents: boolean
  /** true: several threads may use `file` at once and see each other's writes. Without a `file` it says nothing. */
  readonly lanes: boolean
}

/**
 * A file that the ring may use directly, so that payload never enters JavaScript. Offered only by a backend whose
 * volume byte N is file byte N.
 */
export interface BackingFile {
  /** Open descriptor, page-cache I/O; owned by the backend, valid until `close`. */
  readonly fd: number
  /** The same file opened O_DIRECT, or -1. Used for requests whose offset and length are multiples of `alignment`. */
  readonly directFd: number
  /** Bytes; what O_DIRECT on this file asks for. 1 if there is no directFd. */
  readonly alignment: number
  /** true for tmpfs: I/O is a copy and never waits for a device, so it is done inline. */
  readonly memory: boolean
  /**
   * Three numbers in shared memory, one for each kind of `limit`: a request that reaches behind that byte is answered
   * EIO, because somebody changed the file. Absent: that does not happen to it.
   */
  readonly limits?: Float64Array | undefined
}

/** Indices of `BackingFile.limits`. A flush reaches from 0 to the end. */
export const limit = { read: 0, write: 1, flush: 2 } as const
export type Limit = (typeof limit)[keyof typeof limit]

export interface Backend {
  /** For messages: `file:/srv/disk.img`. */
  readonly name: string
  /** Bytes, a multiple of 512; constant while open. Valid after `open`. */
  readonly size: number
  readonly can: Capabilities
  /** Bytes; discard granularity and preferred I/O size, a power of two between 512 and 1 MiB. Valid after `open`. */
  readonly blockSize: number
  readonly file?: BackingFile | undefined
  /** true: what lies below was changed by somebody else since `open`. For `status`; absent: it would not notice. */
  readonly changed?: boolean | undefined

  open(): Promise<void>
  read(target: Buffer, offset: number): void | Promise<void>
  write(source: Buffer, offset: number): void | Promise<void>
  /** Every write that returned before the call is durable when this settles. A failure is reported once, never retried. */
  flush?(): void | Promise<void>
  /** The range reads as zeros afterwards and its space is given back. */
  trim?(offset: number, length: number): void | Promise<void>
  /** The range reads as zeros afterwards. */
  zero?(offset: number, length: number): void | Promise<void>
  /** Space for the range is reserved; contents stay. Absent: succeeds without doing anything. */
  allocate?(offset: number, length: number): void | Promise<void>
  /**
   * Covers the range from its start, in order, without gaps. It may stop before the end of the range, after at least
   * one extent, when there is much to tell: ask again from there (extents.ts has the loops). Absent: all of it is data.
   */
  extents?(offset: number, length: number): Extent[] | Promise<Extent[]>
  /** Bytes that the volume takes where it is stored. Absent: `size`. */
  allocated?(): number | Promise<number>
  close(): Promise<void>
}

/** A layer makes a backend from a backend. What it does not forward, such as `file`, is off. */
export type Layer = (next: Backend) => Backend
