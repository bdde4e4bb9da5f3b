/**
 * What fsx does to a volume, one operation a line: `write 4096 512 17` stores 512 bytes of pattern 17 at 4096. The same
 * text is the log of a run, the input of a replay, and what the helper program reads.
 */
import type { Random } from '../support/seed.js'

export const modes = ['buffered', 'direct', 'mmap'] as const
export type Mode = (typeof modes)[number]
export const targetNames = ['volume', 'loop'] as const
export type TargetName = (typeof targetNames)[number]

/**
 * `punch` and `zero` are fallocate on the FUSE file, and a discard and write-zeroes on the loop device; `drop` writes
 * back and then drops the page cache, so that the next read asks the device; `reopen` is another process that opens the
 * same volume, `reattach` another daemon over the same image.
 */
const withRange = ['read', 'write', 'mapread', 'mapwrite', 'punch', 'zero', 'allocate'] as const
const withoutRange = ['fsync', 'drop', 'reopen', 'reattach'] as const
export type Verb = (typeof withRange)[number] | (typeof withoutRange)[number]

export interface Operation {
  readonly verb: Verb
  readonly offset: number
  readonly length: number
  /** What is written: see `fillPattern`. 0 where nothing is. */
  readonly stamp: number
}

/** What decides which operations make sense and how their offsets are aligned. */
export interface Ground {
  readonly target: TargetName
  readonly mode: Mode
  /** Bytes of the volume, a multiple of 512. */
  readonly size: number
}

export const formatOperation = ({ verb, offset, length, stamp }: Operation): string =>
  withRange.some((name) => name === verb) ? `${verb} ${String(offset)} ${String(length)} ${String(stamp)}` : verb

export const parseOperation = (line: string): Operation => {
  const [name, ...numbers] = line.trim().split(/\s+/)
  const [offset = 0, length = 0, stamp = 0] = numbers.map(Number)
  const ranged = withRange.find((verb) => verb === name)
  const verb = ranged ?? withoutRange.find((verb) => verb === name)
  const whole = [offset, length, stamp].every((value) => Number.isSafeInteger(value) && value >= 0)
  if (verb === undefined || !whole || numbers.length !== (ranged === undefined ? 0 : 3) || (ranged && length === 0))
    throw new Error(`not an operation: '${line}'`)
  return { verb, offset, length, stamp }
}

/**
 * Every byte depends on the stamp and on its own offset, so that an older write, a write that landed elsewhere and one
 * that was cut short all read differently. device.cc has the same arithmetic.
 */
export const fillPattern = (buffer: Uint8Array, offset: number, stamp: number): void => {
  const salt = Math.imul(stamp, 0x9e3779b1)
  for (let index = 0; index < buffer.length; index++) {
    const at = offset + index
    let mixed = Math.imul((at >>> 2) ^ salt, 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    buffer[index] = (mixed ^ (mixed >>> 16)) >>> (8 * (at & 3))
  }
}

const sector = 512

/** How offsets and lengths of a verb must be aligned: a device discards sectors, and O_DIRECT moves them. */
const unitOf = ({ target, mode }: Ground, verb: Verb): number => {
  if (verb === 'mapread' || verb === 'mapwrite') return 1
  if (mode === 'direct' || (target === 'loop' && (verb === 'punch' || verb === 'zero'))) return sector
  return 1
}

/** Verbs with how often each is drawn. */
const weights = ({ target, mode }: Ground): readonly (readonly [Verb, number])[] => [
  ['read', mode === 'mmap' ? 15 : 35],
  ['write', mode === 'mmap' ? 15 : 35],
  ['mapread', mode === 'mmap' ? 20 : 0],
  ['mapwrite', mode === 'mmap' ? 20 : 0],
  ['punch', 8],
  ['zero', 8],
  // A block device has no fallocate without punching or zeroing.
  ['allocate', target === 'volume' ? 3 : 0],
  ['fsync', 4],
  ['drop', mode === 'direct' ? 0 : 4],
  ['reopen', 0.6],
  ['reattach', 0.06],
]

const drawVerb = (ground: Ground, random: Random): Verb => {
  const table = weights(ground)
  let left = random.next() * table.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [verb, weight] of table) {
    if (left < weight) return verb
    left -= weight
  }
  return 'read'
}

/** Most are small, few are large: the sizes of programs, and a few beyond one request. */
const drawLength = (random: Random): number => {
  const longest = [4 << 10, 4 << 10, 64 << 10, 64 << 10, 64 << 10, 256 << 10][random.below(6)] ?? sector
  return 1 + random.below(random.below(64) === 0 ? 1536 << 10 : longest)
}

/** Everywhere, but one in six around the end, before it and behind it, and one in three where the last one was. */
const drawOffset = (random: Random, size: number, length: number, last: number): number => {
  const kind = random.below(6)
  if (kind === 0) return Math.max(0, size - length + random.below(2 * length) - (length >> 1))
  if (kind <= 2) return Math.max(0, last - (length >> 1) + random.below(length))
  return random.below(size)
}

/** An endless supply; the same random numbers give the same operations. */
export function* operations(ground: Ground, random: Random): Generator<Operation, never> {
  let last = 0
  let stamp = 0
  for (;;) {
    const verb = drawVerb(ground, random)
    if (withoutRange.some((name) => name === verb)) {
      yield { verb, offset: 0, length: 0, stamp: 0 }
      continue
    }
    const unit = unitOf(ground, verb)
    const mapped = verb === 'mapread' || verb === 'mapwrite'
    let length = Math.ceil(drawLength(random) / unit) * unit
    let offset = Math.floor(drawOffset(random, ground.size, length, last) / unit) * unit
    if (mapped) {
      // Behind its last page a map is SIGBUS, and what is stored between the end and there goes nowhere.
      offset = Math.min(offset, ground.size - 1)
      length = Math.min(length, ground.size - offset)
    }
    last = offset
    yield { verb, offset, length, stamp: verb === 'write' || verb === 'mapwrite' ? ++stamp : 0 }
  }
}

export const generate = (ground: Ground, random: Random, count: number): Operation[] => {
  const supply = operations(ground, random)
  return Array.from({ length: count }, () => supply.next().value)
}
