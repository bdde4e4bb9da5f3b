/**
 * Appends entries to a log, in order, and says when each is in it.
 *
 * ```
 *  append ──► queue ──► written in order ──► super block counts it ──► its promise settles
 *  reserve ─► queue: what comes behind waits until it is filled or given up
 * ```
 *
 * The place of a flush is reserved when it is sent: what is before it in the log had completed by then, and that is
 * what the flush made durable. Its entry is written only if it succeeds. The super block is brought up to date behind
 * every batch, so that a log is whole whenever the recorder dies, up to the last entry that anybody was told of.
 *
 * A log that cannot be written fails everything from then on: a recording with a gap would be taken for the truth.
 */
import { constants } from 'node:os'
import { type FileHandle, open } from 'node:fs/promises'
import { writeWhole } from '../../backend/transfer.js'
import { errnoName, errnoOf, RingvolError } from '../../errors.js'
import { encodeHeader, encodeSuper, type LogHeader, logSector } from './format.js'

/** Zeros that are there without being written: a hole of the log. */
export type LogData = Buffer | 'zeros' | 'none'

interface Item {
  /** Absent: reserved. */
  entry?: LogHeader
  data: LogData
  dropped: boolean
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export interface Reservation {
  /** Resolves when the entry is in the log. */
  fill(entry: LogHeader): Promise<void>
  drop(): void
}

export class LogWriter {
  readonly #path: string
  readonly #handle: FileHandle
  readonly #queue: Item[] = []
  #entries = 0
  #position = logSector
  #pumping = false
  #pumped = Promise.resolve()
  #failure: RingvolError | undefined

  private constructor(path: string, handle: FileHandle) {
    this.#path = path
    this.#handle = handle
  }

  /** A new file. Throws ERR_LOG, also if there is one of that name: it may be the only copy of a recording. */
  static async create(path: string): Promise<LogWriter> {
    let handle: FileHandle
    try {
      handle = await open(path, 'wx', 0o600)
    } catch (cause) {
      const errno = errnoOf(cause) ?? 0
      const exists = errno === constants.errno.EEXIST
      throw new RingvolError('ERR_LOG', `cannot create the log ${path}: ${errnoName(errno)}`, {
        path,
        errno,
        advice: exists ? 'remove it, or give another name' : 'name a file in a folder that exists and can be written',
        cause,
      })
    }
    const writer = new LogWriter(path, handle)
    try {
      await writer.#write(encodeSuper({ entries: 0, sectorSize: logSector }), 0)
    } catch (error) {
      await handle.close()
      throw error
    }
    return writer
  }

  /** Set once something could not be written; nothing is recorded from then on. */
  get failure(): RingvolError | undefined {
    return this.#failure
  }

  /** `data` is not changed by anybody until this settles. Rejects with ERR_LOG. */
  append(entry: LogHeader, data: LogData): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#push({ entry, data, dropped: false, resolve, reject })
    })
  }

  reserve(): Reservation {
    let settle: Pick<Item, 'resolve' | 'reject'> = { resolve: () => undefined, reject: () => undefined }
    const written = new Promise<void>((resolve, reject) => {
      settle = { resolve, reject }
    })
    const item: Item = { data: 'none', dropped: false, ...settle }
    this.#push(item)
    return {
      fill: (entry) => {
        item.entry = entry
        this.#start()
        return written
      },
      drop: () => {
        item.dropped = true
        this.#start()
      },
    }
  }

  /** Waits for what was appended; what is reserved must have been filled or dropped. Rejects with ERR_LOG. */
  async close(): Promise<void> {
    try {
      await this.#pumped
      if (this.#failure === undefined) await this.#handle.datasync().catch((error: unknown) => this.#fail(error))
    } finally {
      await this.#handle.close()
    }
  }

  #push(item: Item): void {
    this.#queue.push(item)
    this.#start()
  }

  #start(): void {
    if (this.#pumping) return
    this.#pumping = true
    this.#pumped = this.#pump()
  }

  /** Never rejects: each item has its own promise. */
  async #pump(): Promise<void> {
    for (;;) {
      const held = this.#queue.findIndex(({ entry, dropped }) => entry === undefined && !dropped)
      const batch = this.#queue.splice(0, held < 0 ? this.#queue.length : held)
      if (batch.length === 0) {
        this.#pumping = false
        return
      }
      try {
        if (this.#failure !== undefined) throw this.#failure
        for (const item of batch) if (item.entry !== undefined) await this.#put(item.entry, item.data)
        await this.#write(encodeSuper({ entries: this.#entries, sectorSize: logSector }), 0)
        for (const { resolve } of batch) resolve()
      } catch (error) {
        // Nobody waits for what was given up.
        for (const { dropped, reject } of batch) if (!dropped) reject(error as Error)
      }
    }
  }

  async #put(entry: LogHeader, data: LogData): Promise<void> {
    await this.#write(encodeHeader(entry, logSector), this.#position)
    this.#position += logSector
    if (data === 'zeros') {
      this.#position += entry.sectors * logSector
      await this.#handle.truncate(this.#position).catch((error: unknown) => this.#fail(error))
    } else if (data !== 'none') {
      await this.#write(data, this.#position)
      this.#position += data.length
    }
    this.#entries += 1
  }

  async #write(buffer: Buffer, offset: number): Promise<void> {
    const failed = (_at: number, _length: number, cause: unknown): never => this.#fail(cause)
    await writeWhole({ fd: this.#handle.fd, buffer, offset, failed }, false)
  }

  #fail(cause: unknown): never {
    const reason = errnoName(errnoOf(cause) ?? constants.errno.EIO)
    // EIO whatever the reason: a full disk under the log is not a full volume.
    this.#failure ??= new RingvolError('ERR_LOG', `cannot write the log ${this.#path}: ${reason}`, {
      path: this.#path,
      errno: constants.errno.EIO,
      advice: 'what follows is not recorded and is refused',
      cause,
    })
    throw this.#failure
  }
}
