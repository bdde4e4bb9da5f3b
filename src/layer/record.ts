/**
 * Records every change of the volume, in the order in which they completed, in the format of dm-log-writes: `ringvol
 * replay` or fstests' replay-log rebuild the image at any point of it. docs/durability.md says what that is good for.
 *
 * - A write is logged when it has completed, and answered when it is logged. It waits for a flush that is under way,
 *   which does not cover it; so buffers need no copy, and what waits is bounded by the slots.
 * - A flush is logged where it was sent: exactly what stands before it had completed by then, and is durable from it
 *   on. One that failed is not logged, nor is a write that did.
 * - A trim is a discard, which reads as zeros here as in every replay; of sectors it covers in part, the rest is
 *   logged as a write of what they hold then.
 * - A zero-range is a write of zeros and not a discard, which replay-log skips beyond 128 MiB and with --no-discard.
 *   The zeros are a hole of the log's file, so they take no space.
 * - Two overlapping writes that were under way together may have landed in the other order than they are logged in;
 *   on a disk either is right.
 */
import { type Backend, type Capabilities } from '../backend/backend.js'
import { RingvolError } from '../errors.js'
import { type Logger } from '../log.js'
import { ForwardLayer } from './forward.js'
import { parseOptions, text } from './options.js'
import { logFlags, logSector, sizeMark } from './record/format.js'
import { Marks } from './record/marks.js'
import { type LogData, LogWriter } from './record/writer.js'
import { type LayerMaker } from './registry.js'

/** Bytes of one entry of zeros: replay-log holds an entry's data in memory. */
const zeroPiece = 4 * 1024 * 1024

interface RecordOptions {
  readonly file: string
  readonly marks: string | undefined
  readonly logger: Logger
}

class RecordLayer extends ForwardLayer {
  readonly #options: RecordOptions
  #marks: Marks | undefined
  #writer: LogWriter | undefined
  #told = false

  constructor(next: Backend, options: RecordOptions) {
    super(next)
    this.#options = options
  }

  /** A barrier is an entry although nothing below needs it; one log means one instance. */
  override get can(): Capabilities {
    return { ...super.can, flush: this.next.can.write, lanes: false }
  }

  override async open(): Promise<void> {
    await super.open()
    const { file, marks } = this.#options
    try {
      this.#writer = await LogWriter.create(file)
      this.#marks = marks === undefined ? undefined : new Marks(marks)
      await this.#mark(sizeMark(this.size))
    } catch (error) {
      await super.close()
      throw error
    }
  }

  override write(source: Buffer, offset: number): void | Promise<void> {
    this.#begin()
    return this.#whenDone(super.write(source, offset), () => this.#logWrite(source, offset))
  }

  override async flush(): Promise<void> {
    this.#begin()
    const place = this.#log.reserve()
    try {
      if (this.next.can.flush) await super.flush()
    } catch (error) {
      place.drop()
      throw error
    }
    await this.#said(place.fill({ sector: 0, sectors: 0, flags: logFlags.flush, mark: '' }))
  }

  override trim(offset: number, length: number): void | Promise<void> {
    this.#begin()
    return this.#whenDone(super.trim(offset, length), () =>
      this.#logRange(offset, length, (at, bytes) => this.#append(at, bytes, logFlags.discard, 'none')),
    )
  }

  override zero(offset: number, length: number): void | Promise<void> {
    this.#begin()
    return this.#whenDone(super.zero(offset, length), () =>
      this.#logRange(offset, length, async (start, bytes) => {
        const pieces: Promise<void>[] = []
        for (let at = start; at < start + bytes; at += zeroPiece) {
          pieces.push(this.#append(at, Math.min(zeroPiece, start + bytes - at), 0, 'zeros'))
        }
        await Promise.all(pieces)
      }),
    )
  }

  override async close(): Promise<void> {
    try {
      for (const mark of this.#marks?.take() ?? []) await this.#mark(mark)
      await this.#writer?.close()
    } finally {
      this.#writer = undefined
      await super.close()
    }
  }

  get #log(): LogWriter {
    if (this.#writer !== undefined) return this.#writer
    throw new RingvolError('ERR_CLOSED', `${this.name}: its log is not open`)
  }

  /** Before a change: nothing goes on that could not be recorded, and the marks so far come before it. */
  #begin(): void {
    if (this.#log.failure !== undefined) throw this.#log.failure
    // Not waited for: if it cannot be written, neither can what comes behind it.
    for (const mark of this.#marks?.take() ?? []) this.#mark(mark).catch(() => undefined)
  }

  #whenDone(answer: void | Promise<void>, log: () => Promise<void>): Promise<void> {
    return this.#said(answer === undefined ? log() : answer.then(log))
  }

  /** The first failure of the log is said, whoever meets it. */
  #said(done: Promise<void>): Promise<void> {
    return done.catch((error: unknown) => {
      const { failure } = this.#log
      if (error === failure && failure !== undefined && !this.#told) {
        this.#told = true
        this.#options.logger.error(`layer record: ${failure.message}`)
      }
      throw error
    })
  }

  #logWrite(source: Buffer, offset: number): Promise<void> {
    const aligned = offset % logSector === 0 && source.length % logSector === 0
    return aligned ? this.#append(offset, source.length, 0, source) : this.#logHeld(offset, source.length)
  }

  /** What the sectors hold that the range touches: the format knows only whole ones. */
  async #logHeld(offset: number, length: number): Promise<void> {
    const start = Math.floor(offset / logSector) * logSector
    const end = Math.ceil((offset + length) / logSector) * logSector
    const held = Buffer.alloc(end - start)
    await this.next.read(held, start)
    await this.#append(start, held.length, 0, held)
  }

  /** `inner` logs the whole sectors of the range; those at its edges are logged as what they hold. */
  async #logRange(
    offset: number,
    length: number,
    inner: (offset: number, length: number) => Promise<void>,
  ): Promise<void> {
    const end = offset + length
    const first = Math.ceil(offset / logSector) * logSector
    const last = Math.floor(end / logSector) * logSector
    if (first >= last) return this.#logHeld(offset, length)
    const parts = [inner(first, last - first)]
    if (first > offset) parts.push(this.#logHeld(offset, first - offset))
    if (end > last) parts.push(this.#logHeld(last, end - last))
    await Promise.all(parts)
  }

  #append(offset: number, length: number, flags: number, data: LogData): Promise<void> {
    return this.#log.append({ sector: offset / logSector, sectors: length / logSector, flags, mark: '' }, data)
  }

  #mark(mark: string): Promise<void> {
    return this.#log.append({ sector: 0, sectors: 0, flags: logFlags.mark, mark }, 'none')
  }
}

/** Options: `file` (required, a new file), `marks` (a text file whose lines become marks). */
export const recordLayer: LayerMaker = (options, { logger }) => {
  const { file, marks } = parseOptions('record', options, { file: text, marks: text })
  if (file === undefined)
    throw new RingvolError('ERR_USAGE', 'layer record: file is missing', { advice: 'write record:file=LOG' })
  return (next) => new RecordLayer(next, { file, marks, logger })
}
