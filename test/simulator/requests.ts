/**
 * The requests of the fake kernel, and what each must be answered with if nothing fails below: sound ones, ones at and
 * behind the end of the volume, and ones that no kernel should send.
 */
import { constants } from 'node:os'
import {
  attr,
  attrOut,
  fallocateIn,
  flushIn,
  fsyncIn,
  getattrIn,
  lseekIn,
  lseekOut,
  opcode,
  readIn,
  writeIn,
  writeOut,
} from '../../src/protocol/abi.js'
import { message, type Opcode } from '../dispatcher/fake-lane.js'
import { type Change, type Barrier, type Model, patternOf, volumeBytes } from './model.js'
import type { World } from './world.js'

export const maxPayload = 4096
const { EINVAL, EIO, ENOSPC, ENOSYS, ENXIO, EROFS } = constants.errno
const unknownOpcode = 60

export interface Request {
  readonly unique: number
  readonly name: string
  readonly message: Buffer
  /** The errno it must fail with, whatever is below. */
  readonly refused?: number
  /** FORGET, INTERRUPT: no answer. */
  readonly silent?: boolean
  /** Called when it gets its slot: from here on its bytes may land. */
  readonly send?: (model: Model, tick: number) => Change | Barrier
  /** What is wrong with a success, or undefined. */
  readonly check?: (body: Buffer, sent: number, model: Model) => string | undefined
}

type Draft = Omit<Request, 'unique'>

const words = (bytes: number, fields: Readonly<Record<number, number>>): Buffer => {
  const out = Buffer.alloc(bytes)
  for (const [at, value] of Object.entries(fields)) out.writeUInt32LE(value, Number(at))
  return out
}

/** Often at the edges, where mistakes are; in two of three cases whole sectors. */
const range = (world: World): { offset: number; length: number } => {
  const unit = world.oneIn(3) ? 1 : 512
  const length = unit * (1 + world.below(maxPayload / unit))
  const last = (volumeBytes - length) / unit
  const offset = world.oneIn(6)
    ? volumeBytes - length + world.pick([-unit, 0, 1, unit])
    : unit * world.below(Math.floor(last) + 1)
  return { offset, length }
}

const inside = (offset: number, length: number): number => Math.max(0, Math.min(length, volumeBytes - offset))

const read = (world: World): Draft => {
  const { offset, length } = range(world)
  const expected = inside(offset, length)
  return {
    name: `READ ${String(length)} at ${String(offset)}`,
    message: message('READ', words(readIn.bytes, { [readIn.offset]: offset, [readIn.size]: length })),
    check: (body, sent, model) =>
      body.length === expected
        ? model.wrongForReader(body, offset, sent)
        : `${String(body.length)} bytes instead of ${String(expected)}`,
  }
}

const write = (world: World, id: number, readOnly: boolean): Draft => {
  const { offset, length } = range(world)
  const expected = inside(offset, length)
  // What lies behind the end has bytes too, so that they are recognised where they must not be.
  const data = Buffer.alloc(length, id)
  patternOf(id).copy(data, 0, offset)
  const fields = words(writeIn.bytes, { [writeIn.offset]: offset, [writeIn.size]: length })
  return {
    name: `WRITE ${String(id)}: ${String(length)} at ${String(offset)}`,
    message: message('WRITE', Buffer.concat([fields, data])),
    ...(readOnly || expected === 0
      ? { refused: readOnly ? EROFS : ENOSPC }
      : { send: (model: Model, tick: number) => model.begin(id, offset, expected, tick) }),
    check: (body) =>
      body.length === writeOut.bytes && body.readUInt32LE(writeOut.size) === expected
        ? undefined
        : `wrote ${body.toString('hex')} instead of ${String(expected)}`,
  }
}

const punchHole = 2
const keepSize = 1
const zeroRange = 16
const empty = (body: Buffer): string | undefined => (body.length === 0 ? undefined : 'a body')

const deallocate = (world: World, readOnly: boolean): Draft => {
  const { offset, length } = range(world)
  const mode = world.pick([punchHole | keepSize, zeroRange | keepSize])
  const expected = inside(offset, length)
  const fields = { [fallocateIn.offset]: offset, [fallocateIn.length]: length, [fallocateIn.mode]: mode }
  return {
    name: `FALLOCATE mode ${String(mode)}: ${String(length)} at ${String(offset)}`,
    message: message('FALLOCATE', words(fallocateIn.bytes, fields)),
    ...(readOnly
      ? { refused: EROFS }
      : { send: (model: Model, tick: number) => model.begin(undefined, offset, expected, tick) }),
    check: empty,
  }
}

const barrier = (world: World): Draft => {
  const name = world.pick(['FSYNC', 'FLUSH'] as const)
  return {
    name,
    message: message(name, Buffer.alloc(name === 'FSYNC' ? fsyncIn.bytes : flushIn.bytes)),
    send: (model, tick) => model.barrier(tick),
    check: empty,
  }
}

const seekData = 3

/** What was skipped must read as zeros: who copies by extents loses what is said to be a hole. */
const seek = (world: World): Draft => {
  const whence = seekData
  const offset = world.below(volumeBytes + 512)
  return {
    name: `LSEEK data at ${String(offset)}`,
    message: message('LSEEK', words(lseekIn.bytes, { [lseekIn.offset]: offset, [lseekIn.whence]: whence })),
    ...(offset >= volumeBytes ? { refused: ENXIO } : {}),
    check: (body, sent, model) => {
      // No data from here on is an error of its own, ENXIO, and comes here as an empty body.
      const found = body.length === lseekOut.bytes ? Number(body.readBigUInt64LE(lseekOut.offset)) : volumeBytes
      if (found < offset || found > volumeBytes) return `found ${String(found)}`
      const skipped = model.wrongForReader(Buffer.alloc(found - offset), offset, sent)
      return skipped === undefined ? undefined : `found ${String(found)}: ${skipped}`
    },
  }
}

const getattr = (): Draft => ({
  name: 'GETATTR',
  message: message('GETATTR', Buffer.alloc(getattrIn.bytes)),
  check: (body) => {
    const size = body.length === attrOut.bytes ? Number(body.readBigUInt64LE(attrOut.attr + attr.size)) : -1
    return size === volumeBytes ? undefined : `a size of ${String(size)}`
  },
})

const silent = (world: World, others: readonly Request[]): Draft => {
  const name = world.pick(['FORGET', 'INTERRUPT', 'BATCH_FORGET'] as const)
  const target = others.length === 0 ? 0 : world.pick(others).unique
  const body = Buffer.alloc(8)
  body.writeUInt32LE(target)
  return { name: `${name} of ${String(target)}`, message: message(name, world.oneIn(10) ? '' : body), silent: true }
}

/** Too short, too long, unknown, or behind the end. */
const malformed = (world: World, readOnly: boolean): Draft => {
  const past = words(writeIn.bytes + 512, {
    [writeIn.offset]: volumeBytes + world.below(2) * 4096,
    [writeIn.size]: 512,
  })
  const long = words(readIn.bytes, { [readIn.size]: maxPayload + 1 + world.below(1e6) })
  const short = world.pick<Opcode>(['READ', 'WRITE', 'FSYNC', 'FLUSH', 'FALLOCATE', 'LSEEK', 'GETATTR'])
  return world.pick<Draft>([
    { name: `${short}, cut off`, message: message(short, Buffer.alloc(world.below(16))), refused: EIO },
    { name: 'WRITE behind the end', message: message('WRITE', past), refused: readOnly ? EROFS : ENOSPC },
    { name: 'READ of too much', message: message('READ', long), refused: EINVAL },
    { name: 'WRITE of too much', message: message('WRITE', long), refused: EIO },
    { name: 'unknown', message: message(unknownOpcode, Buffer.alloc(16)), refused: ENOSYS },
    { name: 'COPY_FILE_RANGE', message: message(opcode.COPY_FILE_RANGE, Buffer.alloc(56)), refused: ENOSYS },
  ])
}

/** A request; `others` are those that it may interrupt. */
export const draw = (world: World, unique: number, others: readonly Request[], readOnly: boolean): Request => {
  const makers: readonly (readonly [number, () => Draft])[] = [
    [30, () => read(world)],
    [35, () => write(world, unique, readOnly)],
    [10, () => barrier(world)],
    [8, () => deallocate(world, readOnly)],
    [4, () => seek(world)],
    [3, () => getattr()],
    [5, () => silent(world, others)],
    [5, () => malformed(world, readOnly)],
  ]
  let choice = world.below(100)
  const [, make] = makers.find(([weight]) => (choice -= weight) < 0) ?? [0, getattr]
  const draft = make()
  draft.message.writeBigUInt64LE(BigInt(unique), 8)
  return { ...draft, unique }
}
