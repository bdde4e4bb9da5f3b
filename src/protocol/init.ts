/**
 * INIT: what the kernel offers, what we take, and the bytes of the answer.
 *
 * By length, not by version: the request is 16 bytes up to 7.35 and 64 from 7.36, and vendor kernels set INIT_EXT on a
 * 16-byte one (dragonflyoss/nydus#2010). What is there is read, the rest counts as zero. The answer has the size that
 * the kernel's minor asks for; another size is EINVAL. Only flags that were offered are taken.
 */
import { RingvolError } from '../errors.js'
import { inHeader, initFlag, initIn, initOut, outHeader, protocol } from './abi.js'

const two32 = 2 ** 32
/** Of flags2: both words together must stay below 2^53, or the low bits of the first would be rounded away. */
const exactFlags2 = 2 ** 21

export interface InitRequest {
  readonly unique: bigint
  readonly major: number
  readonly minor: number
  /** Both flag words in one number, flags + flags2 * 2^32; flags from 2^53 up, which nobody knows yet, are left out. */
  readonly flags: number
}

export interface InitAnswer {
  readonly flags: number
  /** Bytes of the largest WRITE. */
  readonly maxWrite: number
  /** Pages of the largest request; with MAX_PAGES. */
  readonly maxPages: number
  /** File systems that may be stacked below: 1 with PASSTHROUGH, else 0. */
  readonly maxStackDepth: number
  /** Requests in the background before the kernel holds callers back; 16 bits. */
  readonly maxBackground: number
}

/** true when `bit` (a power of two, also above 2^31) is set in `flags`. */
export const hasFlag = (flags: number, bit: number): boolean => Math.floor(flags / bit) % 2 === 1

/** The flags of `wanted` that are also in `offered`. */
export const takeFlags = (offered: number, wanted: readonly number[]): number =>
  wanted.filter((bit) => hasFlag(offered, bit)).reduce((sum, bit) => sum + bit, 0)

/** Reads an INIT message. Throws ERR_PROTOCOL on anything else. */
export const parseInit = (message: Buffer): InitRequest => {
  const minimum = inHeader.bytes + initIn.flags + 4
  if (message.length < inHeader.bytes + 8 || message.readUInt32LE(inHeader.opcode) !== 26) {
    throw new RingvolError('ERR_PROTOCOL', `expected FUSE_INIT, got ${String(message.length)} bytes of something else`)
  }
  const full = Buffer.alloc(inHeader.bytes + initIn.bytes)
  message.copy(full)
  const word = (field: number): number => full.readUInt32LE(inHeader.bytes + field)
  const extended = message.length >= minimum + 4 && hasFlag(word(initIn.flags), initFlag.initExt)
  return {
    unique: message.readBigUInt64LE(inHeader.unique),
    major: word(initIn.major),
    minor: word(initIn.minor),
    flags: word(initIn.flags) + (extended ? (word(initIn.flags2) % exactFlags2) * two32 : 0),
  }
}

/** Bytes of struct fuse_init_out for a kernel of this minor. */
export const initOutSize = (minor: number): number => (minor < 5 ? 8 : minor < 23 ? 24 : initOut.bytes)

/** The whole reply, header included. */
export const buildInit = (request: InitRequest, answer: InitAnswer): Buffer => {
  const minor = Math.min(request.minor, protocol.minor)
  const body = Buffer.alloc(initOut.bytes)
  body.writeUInt32LE(protocol.major, initOut.major)
  body.writeUInt32LE(minor, initOut.minor)
  body.writeUInt32LE(answer.maxWrite, initOut.max_readahead)
  body.writeUInt32LE(answer.flags % two32, initOut.flags)
  body.writeUInt16LE(answer.maxBackground, initOut.max_background)
  body.writeUInt16LE(answer.maxBackground, initOut.congestion_threshold)
  body.writeUInt32LE(answer.maxWrite, initOut.max_write)
  body.writeUInt32LE(1, initOut.time_gran)
  body.writeUInt16LE(answer.maxPages, initOut.max_pages)
  body.writeUInt32LE(Math.floor(answer.flags / two32), initOut.flags2)
  body.writeUInt32LE(answer.maxStackDepth, initOut.max_stack_depth)
  const size = initOutSize(minor)
  const reply = Buffer.alloc(outHeader.bytes + size)
  reply.writeUInt32LE(reply.length, outHeader.len)
  reply.writeBigUInt64LE(request.unique, outHeader.unique)
  body.copy(reply, outHeader.bytes, 0, size)
  return reply
}

/** For a kernel with a newer major: only the version goes back, and it sends INIT again. */
export const buildVersionOnly = (request: InitRequest): Buffer => {
  const reply = Buffer.alloc(outHeader.bytes + initOut.bytes)
  reply.writeUInt32LE(reply.length, outHeader.len)
  reply.writeBigUInt64LE(request.unique, outHeader.unique)
  reply.writeUInt32LE(protocol.major, outHeader.bytes + initOut.major)
  reply.writeUInt32LE(protocol.minor, outHeader.bytes + initOut.minor)
  return reply
}
