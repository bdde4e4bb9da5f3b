/**
 * Reads a log of writes: its entries one after the other, and the data of those that are wanted.
 *
 * Entries beyond the number in the super block are not there: a recorder that was killed may have left half of one.
 * Everything before that has to be whole, and what is not is said with the last point that can still be replayed to.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { errnoName, errnoOf, RingvolError } from '../../errors.js'
import { dataBytes, decodeHeader, decodeSuper, logFlags, type LogHeader, sizeOfMark } from './format.js'

export interface LogEntry {
  /** From 1. */
  readonly number: number
  readonly kind: 'write' | 'discard' | 'flush' | 'mark'
  /** Bytes of the volume. */
  readonly offset: number
  readonly length: number
  /** true: everything before this entry is durable. A flush is an entry of its own or a flag of a write. */
  readonly flush: boolean
  /** true: this write itself is durable. */
  readonly fua: boolean
  /** Empty unless it is a mark. */
  readonly mark: string
  /** Where its data lies in the log. */
  readonly at: number
}

const kindOf = ({ flags, sectors }: LogHeader): LogEntry['kind'] => {
  if ((flags & logFlags.mark) !== 0) return 'mark'
  if ((flags & logFlags.discard) !== 0) return 'discard'
  return sectors === 0 ? 'flush' : 'write'
}

export class WriteLog implements AsyncDisposable {
  readonly path: string
  /** How many entries there are. */
  readonly count: number
  readonly sectorSize: number
  readonly #handle: FileHandle
  readonly #bytes: number

  private constructor(path: string, handle: FileHandle, bytes: number, count: number, sectorSize: number) {
    this.path = path
    this.#handle = handle
    this.#bytes = bytes
    this.count = count
    this.sectorSize = sectorSize
  }

  /** Throws ERR_LOG. */
  static async open(path: string): Promise<WriteLog> {
    let handle: FileHandle | undefined
    try {
      handle = await open(path, 'r')
      const start = Buffer.alloc(512)
      const { bytesRead } = await handle.read(start, 0, start.length, 0)
      const found = decodeSuper(start.subarray(0, bytesRead))
      if (typeof found === 'string') throw new RingvolError('ERR_LOG', `${path}: ${found}`, { path })
      const { size } = await handle.stat()
      return new WriteLog(path, handle, size, found.entries, found.sectorSize)
    } catch (cause) {
      await handle?.close()
      if (cause instanceof RingvolError) throw cause
      const reason = errnoName(errnoOf(cause) ?? 0)
      throw new RingvolError('ERR_LOG', `cannot read the log ${path}: ${reason}`, { path, cause })
    }
  }

  /** All of them, in order. Throws ERR_LOG when it comes to one that is not whole. */
  async *entries(): AsyncGenerator<LogEntry, void> {
    const sector = Buffer.alloc(this.sectorSize)
    let at = this.sectorSize
    for (let number = 1; number <= this.count; number += 1) {
      if (at + this.sectorSize > this.#bytes) throw this.#cut(number)
      await this.#fill(sector, at)
      const header = decodeHeader(sector)
      if (header === undefined) throw this.#bad(number, 'is none: the log is damaged')
      at += this.sectorSize
      const length = dataBytes(header, this.sectorSize)
      if (at + length > this.#bytes) throw this.#cut(number)
      yield {
        number,
        kind: kindOf(header),
        offset: header.sector * this.sectorSize,
        length: header.sectors * this.sectorSize,
        flush: (header.flags & logFlags.flush) !== 0,
        fua: (header.flags & logFlags.fua) !== 0,
        mark: header.mark,
        at,
      }
      at += length
    }
  }

  /** Part of a write's data: `target.length` bytes from byte `start` of it. Throws ERR_LOG. */
  async read(entry: LogEntry, target: Buffer, start = 0): Promise<void> {
    await this.#fill(target, entry.at + start)
  }

  /** Bytes of the volume, if ringvol recorded it. Throws ERR_LOG. */
  async volumeSize(): Promise<number | undefined> {
    for await (const { mark } of this.entries()) return sizeOfMark(mark)
    return undefined
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #fill(target: Buffer, at: number): Promise<void> {
    for (let done = 0; done < target.length;) {
      const { bytesRead } = await this.#handle.read(target, done, target.length - done, at + done)
      if (bytesRead === 0) throw new RingvolError('ERR_LOG', `${this.path}: it became shorter while it was read`)
      done += bytesRead
    }
  }

  #cut(number: number): RingvolError {
    return this.#bad(number, 'is not all there: the log is cut short')
  }

  #bad(number: number, what: string): RingvolError {
    const before = number - 1
    return new RingvolError('ERR_LOG', `${this.path}: entry ${String(number)} of ${String(this.count)} ${what}`, {
      path: this.path,
      ...(before === 0 ? {} : { advice: `--to ${String(before)} replays what is before it` }),
    })
  }
}
