/**
 * The slots of a lane as TypeScript sees them: one request at a time under a cursor, and its reply body.
 *
 * A batch is walked by moving one `SlotCursor` from slot to slot; nothing is allocated per request. Fields are read and
 * written where they lie, at the offsets of abi.ts. 64-bit fields become numbers, exact up to 2^53; volumes end there,
 * and what a kernel sends beyond (offset 2^63 - 1, for instance) only has to compare as "past the end", which it does.
 */
import type { SlotLayout } from '../native/addon.js'
import { inHeader } from './abi.js'

const two32 = 2 ** 32
/** FUSE_NAME_MAX of fs/fuse/fuse_i.h. */
const nameMax = 1024

export class SlotCursor {
  readonly #words: Uint32Array
  readonly #bytes: Buffer
  readonly #layout: SlotLayout
  /** Word and byte positions of the current slot. */
  #header = 0
  #arguments = 0
  #payload = 0
  slot = 0

  constructor(slab: ArrayBuffer, layout: SlotLayout) {
    this.#words = new Uint32Array(slab)
    this.#bytes = Buffer.from(slab)
    this.#layout = layout
  }

  moveTo(slot: number): this {
    const layout = this.#layout
    this.slot = slot
    this.#header = (layout.headerOffset + slot * layout.headerStride) / 4
    this.#arguments = (layout.argumentsOffset + slot * layout.argumentsStride) / 4
    this.#payload = layout.payloadOffset + slot * layout.payloadStride
    return this
  }

  /** A 32-bit field of struct fuse_in_header. */
  header(field: number): number {
    return this.#words[this.#header + (field >> 2)] as number
  }

  get opcode(): number {
    return this.header(inHeader.opcode)
  }

  /** Inode number: small, since we give them out. */
  get nodeid(): number {
    return this.header(inHeader.nodeid) + this.header(inHeader.nodeid + 4) * two32
  }

  /** The kernel's number of the request; for traces, above 2^53 only as a resend mark. */
  get unique(): number {
    return this.header(inHeader.unique) + this.header(inHeader.unique + 4) * two32
  }

  /** A 32-bit field of the argument struct. */
  u32(field: number): number {
    return this.#words[this.#arguments + (field >> 2)] as number
  }

  u64(field: number): number {
    const word = this.#arguments + (field >> 2)
    return (this.#words[word] as number) + (this.#words[word + 1] as number) * two32
  }

  /** Signed: seconds since 1970. */
  i64(field: number): number {
    const word = this.#arguments + (field >> 2)
    return (this.#words[word] as number) + ((this.#words[word + 1] as number) | 0) * two32
  }

  /** The first `length` bytes of the payload: data of a WRITE, or where a READ's data goes. Valid until the answer. */
  payload(length: number): Buffer {
    return this.#bytes.subarray(this.#payload, this.#payload + length)
  }

  /** The name that follows an argument struct of `argumentSize` bytes; undefined unless it ends at its one NUL. */
  name(argumentSize: number): string | undefined {
    const length = this.header(inHeader.len) - inHeader.bytes - argumentSize - 1
    const start = this.#layout.dataFollowsArguments ? this.#arguments * 4 + argumentSize : this.#payload
    if (length < 0 || length > nameMax) return undefined
    const name = this.#bytes.subarray(start, start + length + 1)
    return name.indexOf(0) === length ? name.toString('utf8', 0, length) : undefined
  }

  /** Prepares `size` zero bytes of reply body from byte `at`; read all arguments before, they may overlap. */
  clearReply(size: number, at = 0): this {
    this.#bytes.fill(0, this.#payload + at, this.#payload + at + size)
    return this
  }

  put32(field: number, value: number): void {
    this.#bytes.writeUInt32LE(value >>> 0, this.#payload + field)
  }

  /** A negative value comes out as two's complement. */
  put64(field: number, value: number): void {
    this.#bytes.writeUInt32LE(value >>> 0, this.#payload + field)
    this.#bytes.writeUInt32LE(Math.floor(value / two32) >>> 0, this.#payload + field + 4)
  }

  put16(field: number, value: number): void {
    this.#bytes.writeUInt16LE(value & 0xffff, this.#payload + field)
  }

  putText(field: number, text: string): void {
    this.#bytes.write(text, this.#payload + field, 'utf8')
  }
}
