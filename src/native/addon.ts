/**
 * The addon's surface, typed, and its loader. Nothing else in `src/` knows that there is C++.
 *
 * Numbers cross the boundary, and memory that both sides see; no object per request. Functions that can wait (file
 * allocation, unmount) return promises and run on libuv's pool, because the thread that serves a volume must never
 * wait for anything that may need the volume. Every failed system call throws an Error with `errno` (positive),
 * `code` and `syscall`.
 */
import { createRequire } from 'node:module'
import { RingvolError } from '../errors.js'

/** How FUSE requests get in and out of slots; native/node/lane.cc reads these names. */
export type LaneTransport = 'uring' | 'classic' | 'syscall'

/** What to do with a slot: column 1 of a row in `actions`. Same numbers as `enum class Action` in native/node. */
export const action = {
  /** Answer with `length` bytes that stand at the slot's payload. */
  reply: 0,
  /** Answer with errno `length` (positive). */
  error: 1,
  /** Requests that have no answer (FORGET, INTERRUPT): the slot goes back. */
  release: 2,
  /** file → payload, then reply. */
  readFile: 3,
  /** payload → file, then reply. */
  writeFile: 4,
  /** fdatasync, then an empty reply. */
  syncFile: 5,
} as const

export interface LaneOptions {
  readonly transport: LaneTransport
  /** /dev/fuse, or a clone of it; INIT has been answered. Stays the caller's. */
  readonly deviceFd: number
  /** Kernel queues this lane serves (uring: their CPU numbers; else ignored). */
  readonly queues: readonly number[]
  /** Slots: of each of `queues` (uring), or of the lane. */
  readonly depth: number
  /** Largest payload in bytes: what INIT was answered with. */
  readonly maxPayload: number
  /** Backing file for the *File actions, or undefined. */
  readonly file?: { fd: number; directFd: number; alignment: number; memory: boolean } | undefined
  /** Ring features to do without, for tests and for `RINGVOL_WITHOUT`. */
  readonly without: readonly string[]
  /** Waits for requests inside the ring, for the event loop only now and then: for a pinned thread. */
  readonly sleepsInRing: boolean
}

/** Where things lie in the slab. Byte offsets; `slot * stride` is added to reach a slot. */
export interface SlotLayout {
  readonly slots: number
  /** struct fuse_in_header */
  readonly headerOffset: number
  readonly headerStride: number
  /** The opcode's argument struct. */
  readonly argumentsOffset: number
  readonly argumentsStride: number
  /** Payload of a WRITE, and every reply body. */
  readonly payloadOffset: number
  readonly payloadStride: number
  /** true: what follows the argument struct (names, written data) stands right behind it; false: at the payload. */
  readonly dataFollowsArguments: boolean
}

export interface NativeLane {
  readonly layout: SlotLayout
  /** All slots of the lane. */
  readonly slab: ArrayBuffer
  /** Uint32Array: the slots that arrived in this wake-up. */
  readonly arrived: ArrayBuffer
  /** Float64Array, rows of 4: slot, action, length, offset. */
  readonly actions: ArrayBuffer
  /** Float64Array, indices in `laneCounters`; [0] is the number of rows in `actions`. */
  readonly counters: ArrayBuffer
  /** Float64Array, one per slot: when its request was taken in, milliseconds of CLOCK_MONOTONIC; 0 without one. */
  readonly began: ArrayBuffer
  /** Ring features in use, such as `defer-taskrun`; those that were refused are in `missing`. */
  readonly features: readonly string[]
  readonly missing: readonly string[]
  /**
   * Arms the transport. `onBatch(count)` is called once per look that found requests, `onClosed(errno)` once, when the
   * connection is gone. Neither may call `close()` from within.
   */
  start(onBatch: (count: number) => void, onClosed: (errno: number) => void): void
  /** Executes the queued action rows now. For answers that come outside `onBatch`. */
  submit(): void
  /**
   * Frees ring, slab and wake-up. Idempotent. Requests still in slots are never answered: drain first. false: an
   * operation on the file has not ended and may still change it.
   */
  close(): boolean
}

export interface IoUringProbe {
  /** 0, or the errno of io_uring_setup (EPERM: kernel.io_uring_disabled or seccomp; ENOSYS: no such call). */
  readonly errno: number
  readonly features: readonly string[]
}

export interface Addon {
  /** A connection to /dev/fuse. It is closed, and its mount detached, at the latest when this thread or process ends. */
  openDevice(): number
  cloneDevice(deviceFd: number): number
  closeDevice(deviceFd: number): void
  /** The id of a file that the kernel may read and write itself; INIT must have agreed on passthrough. Ends with the connection. */
  openBacking(deviceFd: number, fileFd: number): number
  /** The kernel lets go of the file, and of our lock on it, as soon as nobody has it open through the volume. */
  closeBacking(deviceFd: number, backingId: number): void
  /** Type `fuse.ringvol`; `source` is the first column of /proc/mounts, `options` follow fd= and the owner. */
  mount(deviceFd: number, mountpoint: string, source: string, readOnly: boolean, options: string): void
  /** lazy: MNT_DETACH. */
  unmount(mountpoint: string, lazy: boolean): Promise<void>
  /** One request of /dev/fuse, or null when none is waiting. Used for INIT, before lanes run. */
  readRequest(deviceFd: number, size: number): Buffer | null
  writeReply(deviceFd: number, reply: Buffer): void
  /** The controls (fusectl) of a connection, named by the minor device number of its mount. Closed at the latest with this thread. */
  openControl(connection: number): number
  /** Ends the connection: whoever waits on it, and whoever asks later, gets an error. */
  abortControl(control: number): void
  closeControl(control: number): void
  /** Aborts when one of `loops` has given no beat for `milliseconds` although requests wait; then writes `says` to stderr. */
  watch(control: number, loops: number, milliseconds: number, says: string): void
  /** From any thread. */
  beat(control: number, loop: number): void
  watchdogFired(control: number): boolean
  closeFd(fd: number): void
  /** A duplicate with O_CLOEXEC; for handing a descriptor to another thread. */
  duplicate(fd: number): number
  readonly Lane: new (options: LaneOptions) => NativeLane
  probeIoUring(): IoUringProbe

  /** PR_SET_IO_FLUSHER on the calling thread, inherited over exec. 0 or an errno. */
  setIoFlusher(): number
  /** PR_SET_NO_NEW_PRIVS on the calling thread, inherited over exec. */
  setNoNewPrivileges(): void
  /**
   * Takes all capabilities but these numbers out of the calling thread's bounding and inheritable sets, so that the
   * next exec leaves no other. Returns how many left the bounding set. Throws EPERM without CAP_SETPCAP if any would
   * have to.
   */
  limitCapabilities(keep: readonly number[]): number
  /** User id of the process at the other end of a unix socket, as it was when it connected (SO_PEERCRED). */
  peerUser(socketFd: number): number
  /** Replaces this process (execve). Returns only by throwing. */
  exec(path: string, argv: readonly string[], environment: readonly string[]): never
  /** Pins the calling thread to one CPU. */
  pinThread(cpu: number): void

  /** OFD lock and flock on the open file: exclusive, or shared for read-only export. Throws EAGAIN when held elsewhere. */
  lockFile(fd: number, exclusive: boolean): void
  /** true when the file's I/O is a memory copy: tmpfs, ramfs. */
  isMemory(fd: number): boolean
  /** Bytes that O_DIRECT asks offsets, lengths and memory to be aligned to (statx DIOALIGN, else the logical block size, else 512). */
  directAlignment(fd: number): number
  /** Bytes of a block device. */
  deviceSize(fd: number): number
  fallocate(fd: number, mode: number, offset: number, length: number): Promise<void>
  /** lseek(SEEK_DATA | SEEK_HOLE) on libuv's pool; -1 for ENXIO. Moves the shared file position: nothing else may use it. */
  seek(fd: number, offset: number, whence: number): Promise<number>

  /** Struct sizes, field offsets and constants of native/abi, to compare with src/protocol/abi.ts. */
  readonly abi: Readonly<Record<string, number>>
}

/** Indices into `counters`. Same order as `struct Counters` in native/node. */
export const laneCounters = {
  actionRows: 0,
  wakeUps: 1,
  batches: 2,
  requests: 3,
  replies: 4,
  errors: 5,
  enters: 6,
  fileInline: 7,
  fileRing: 8,
  bytesRead: 9,
  bytesWritten: 10,
  syncs: 11,
  syncErrors: 12,
  fileErrors: 13,
  lastFileErrno: 14,
  noBuffers: 15,
  inFlight: 16,
} as const

const candidates = ['../../build/Release/ringvol.node', '../../build/Debug/ringvol.node']

const load = (): Addon => {
  const require = createRequire(import.meta.url)
  const preferred = process.env['RINGVOL_ADDON']
  const tried: string[] = []
  for (const path of preferred === undefined ? candidates : [preferred]) {
    try {
      return require(path) as Addon
    } catch (error) {
      tried.push(`${path}: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`)
    }
  }
  throw new RingvolError('ERR_ADDON', `the native addon does not load (${tried.join('; ')})`, {
    advice: `on ${process.platform} ${process.arch} with Node ${process.version}: apt-get install liburing-dev pkg-config g++ make python3, then npm run build`,
  })
}

let loaded: Addon | undefined

/** The addon, loaded on first use so that `--help` works on a machine without it. Throws ERR_ADDON. */
export const addon = (): Addon => (loaded ??= load())
