/**
 * A lane without kernel and addon: the memory that both sides see, filled and read as a transport would do it.
 *
 * Payloads are poisoned before each request, because a slot holds what the request before it left there: a reply that
 * does not set all of its bytes would hand somebody else's data to the caller.
 */
import { pino, type Logger } from 'pino'
import type { Backend } from '../../src/backend/backend.js'
import { MemoryBackend } from '../../src/backend/memory.js'
import { Answers } from '../../src/dispatcher/answers.js'
import { Attributes, newAttributes } from '../../src/dispatcher/attributes.js'
import { Dispatcher } from '../../src/dispatcher/dispatcher.js'
import { newPassthrough, Passthrough } from '../../src/dispatcher/passthrough.js'
import { rows } from '../../src/dispatcher/table.js'
import { Trace, type TracePlane } from '../../src/dispatcher/trace.js'
import { errnoName } from '../../src/errors.js'
import { action, laneCounters, type SlotLayout } from '../../src/native/addon.js'
import { inHeader, opcode } from '../../src/protocol/abi.js'
import { SlotCursor } from '../../src/protocol/slots.js'

const poison = 0xee
const headerBytes = 512
const page = 4096

/** `00100000 # offset` → bytes; everything from `#` to the end of the line is a comment. */
export const hex = (text: string): Buffer => Buffer.from(text.replace(/#.*$/gm, '').replace(/\s+/g, ''), 'hex')

export type Opcode = keyof typeof opcode

/** A whole request: header, and behind it the argument struct and what follows it. */
export const message = (
  operation: Opcode | number,
  rest: string | Buffer = '',
  { nodeid = 2, unique = 0x77 }: { nodeid?: number; unique?: number } = {},
): Buffer => {
  const tail = typeof rest === 'string' ? hex(rest) : rest
  const header = Buffer.alloc(inHeader.bytes)
  header.writeUInt32LE(header.length + tail.length, inHeader.len)
  header.writeUInt32LE(typeof operation === 'number' ? operation : opcode[operation], inHeader.opcode)
  header.writeBigUInt64LE(BigInt(unique), inHeader.unique)
  header.writeBigUInt64LE(BigInt(nodeid), inHeader.nodeid)
  header.writeUInt32LE(812, inHeader.pid)
  return Buffer.concat([header, tail])
}

/** 64-bit little-endian hex, for offsets that tests compute. */
export const hex64 = (value: number | bigint): string => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes.toString('hex')
}

export const hex32 = (value: number): string => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes.toString('hex')
}

const actionNames = Object.keys(action) as (keyof typeof action)[]

/** One row of the action table, with the reply body as it stood when the row was taken. */
export interface Answer {
  readonly slot: number
  readonly what: keyof typeof action
  readonly length: number
  readonly offset: number
  readonly body: Buffer
}

/** `reply 8: 00100000 00000000`, `ENOENT`, `release`, `readFile [4096 +512)`: what tests compare. */
export const show = ({ what, length, offset, body }: Answer): string => {
  if (what === 'reply') return length === 0 ? 'reply' : `reply ${body.toString('hex')}`
  if (what === 'error') return errnoName(length)
  return what === 'release' ? what : `${what} [${String(offset)} +${String(length)})`
}

export interface LaneShape {
  /** true (the default): one contiguous message, as /dev/fuse has it; false: header, arguments and payload apart. */
  readonly contiguous?: boolean
  readonly slots?: number
  /** Bytes. */
  readonly maxPayload?: number
}

export class FakeLane {
  readonly layout: SlotLayout
  readonly slab: ArrayBuffer
  readonly arrived: Uint32Array
  readonly actions: ArrayBuffer
  readonly counters: ArrayBuffer
  /** The rows of each submit() that came from the dispatcher itself. */
  readonly submits: Answer[][] = []
  readonly #bytes: Buffer
  #closed = false

  constructor({ contiguous = true, slots = 8, maxPayload = 64 * 1024 }: LaneShape = {}) {
    const payloadOffset = slots * headerBytes + page
    const payloadStride = page + maxPayload
    this.layout = {
      slots,
      headerOffset: contiguous ? payloadOffset - 80 : 0,
      headerStride: contiguous ? payloadStride : headerBytes,
      argumentsOffset: contiguous ? payloadOffset - 40 : 128,
      argumentsStride: contiguous ? payloadStride : headerBytes,
      payloadOffset,
      payloadStride,
      dataFollowsArguments: contiguous,
    }
    this.slab = new ArrayBuffer(payloadOffset + slots * payloadStride)
    this.arrived = new Uint32Array(slots)
    this.actions = new ArrayBuffer(slots * 4 * Float64Array.BYTES_PER_ELEMENT)
    this.counters = new ArrayBuffer(Object.keys(laneCounters).length * Float64Array.BYTES_PER_ELEMENT)
    this.#bytes = Buffer.from(this.slab)
  }

  /** Puts a request into a slot, where the transport of this shape puts it. */
  put(slot: number, request: Buffer): void {
    const { layout } = this
    const header = layout.headerOffset + slot * layout.headerStride
    const payload = layout.payloadOffset + slot * layout.payloadStride
    this.#bytes.fill(poison, payload - page, payload - page + layout.payloadStride)
    if (layout.dataFollowsArguments) {
      request.copy(this.#bytes, header)
      return
    }
    this.#bytes.fill(poison, header, header + headerBytes)
    const argumentBytes = rows.get(request.readUInt32LE(inHeader.opcode))?.argumentBytes ?? 0
    const argumentsEnd = inHeader.bytes + argumentBytes
    request.subarray(0, inHeader.bytes).copy(this.#bytes, header)
    request.subarray(inHeader.bytes, argumentsEnd).copy(this.#bytes, layout.argumentsOffset + slot * headerBytes)
    request.subarray(argumentsEnd).copy(this.#bytes, payload)
  }

  /** Takes the queued rows, as the addon does after a batch. */
  take(): Answer[] {
    const counters = new Float64Array(this.counters)
    const table = new Float64Array(this.actions)
    const count = counters[laneCounters.actionRows] ?? 0
    counters[laneCounters.actionRows] = 0
    return Array.from({ length: count }, (_, row) => {
      const [slot = NaN, what = NaN, length = NaN, offset = NaN] = table.subarray(row * 4, row * 4 + 4)
      const start = this.layout.payloadOffset + slot * this.layout.payloadStride
      const name = actionNames.find((each) => action[each] === what)
      if (name === undefined) throw new Error(`row ${String(row)} has action ${String(what)}`)
      return { slot, what: name, length, offset, body: Buffer.from(this.#bytes.subarray(start, start + length)) }
    })
  }

  readonly submit = (): void => {
    if (!this.#closed) this.submits.push(this.take())
  }

  /** What close() of a lane does: the memory is gone from JavaScript's side. */
  close(): void {
    this.#closed = true
    for (const memory of [this.slab, this.actions, this.counters]) structuredClone(memory, { transfer: [memory] })
  }
}

/** 2020-09-13T12:26:40.123Z: all three times of the volume in these tests. */
export const moment = 1_600_000_000_123

export const volumeSize = 1024 * 1024

/** A memory volume of 1 MiB whose other facts are fixed; `changes` replace what a test is about. */
export const fakeBackend = (changes: Partial<Backend> = {}): Backend => {
  const memory = new MemoryBackend(volumeSize)
  return {
    name: 'fake',
    size: volumeSize,
    blockSize: 4096,
    can: { write: true, flush: true, trim: true, zero: true, extents: true, lanes: false },
    open: () => memory.open(),
    read: (target, offset) => {
      memory.read(target, offset)
    },
    write: (source, offset) => {
      memory.write(source, offset)
    },
    flush: () => undefined,
    trim: (offset, length) => {
      memory.trim(offset, length)
    },
    zero: (offset, length) => {
      memory.zero(offset, length)
    },
    extents: (offset, length) => memory.extents(offset, length),
    allocated: () => 12_288,
    close: () => memory.close(),
    ...changes,
  }
}

/** A backing file for rows only: nothing is ever read from this descriptor. */
export const fakeFile = { fd: -1, directFd: -1, alignment: 1, memory: true, zeroRange: true, fallocateAlignment: 1 }

export interface LogEntry {
  readonly level: number
  readonly msg: string
  readonly operation?: string
  readonly errno?: number
  readonly reason?: string
}

export interface ServeOptions extends LaneShape {
  readonly readOnly?: boolean
  readonly trace?: readonly TracePlane[]
  readonly logger?: Logger
}

/** A dispatcher over a fake lane. */
export class Server {
  readonly lane: FakeLane
  readonly attributes: Attributes
  readonly passthrough = new Passthrough(newPassthrough())
  readonly log: LogEntry[] = []
  readonly traced: string[] = []
  readonly #dispatcher: Dispatcher

  constructor(backend: Backend, options: ServeOptions = {}) {
    const memory = newAttributes(options.readOnly === true ? 0o400 : 0o600, 1000, 1001)
    const lane = new FakeLane(options)
    this.lane = lane
    this.attributes = new Attributes(memory, backend.size, backend.blockSize)
    for (const time of ['atime', 'mtime', 'ctime'] as const) this.attributes.set(time, moment)
    const trace =
      options.trace === undefined ? undefined : new Trace(options.trace, (line) => void this.traced.push(line))
    this.#dispatcher = new Dispatcher({
      request: new SlotCursor(lane.slab, lane.layout),
      answers: new Answers(lane, trace),
      backend,
      attributes: this.attributes,
      passthrough: this.passthrough,
      readOnly: options.readOnly ?? false,
      maxPayload: options.maxPayload ?? 64 * 1024,
      logger:
        options.logger ??
        pino({ level: 'trace' }, { write: (line: string) => void this.log.push(JSON.parse(line) as LogEntry) }),
      arrived: lane.arrived,
      trace,
    })
  }

  /** Hands over one batch, request i in slot i or in the slots named, and takes the rows it left. */
  batch(requests: readonly Buffer[], slots: readonly number[] = requests.map((_, index) => index)): Answer[] {
    for (const [index, request] of requests.entries()) this.lane.put(slots[index] ?? 0, request)
    this.lane.arrived.set(slots)
    this.#dispatcher.batch(requests.length)
    return this.lane.take()
  }

  /** One request, answered within its batch. */
  ask(request: Buffer): string {
    return this.batch([request]).map(show).join(', ')
  }

  /** One request, answered in its batch or later; fails when there is no answer after a few turns of the event loop. */
  async answer(request: Buffer): Promise<string> {
    const now = this.batch([request])
    for (let turn = 0; now.length === 0 && this.lane.submits.length === 0 && turn < 100; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    return [...now, ...this.lane.submits.splice(0).flat()].map(show).join(', ')
  }
}
