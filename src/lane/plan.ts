/**
 * How many lanes a volume gets, which kernel queues each serves, which CPU each is pinned to, and how many slots there
 * are.
 *
 * Pure, so that every case is a unit test.
 */
import { constants } from 'node:buffer'
import { RingvolError } from '../errors.js'
import type { LaneTransport } from '../native/addon.js'

export interface LanePlan {
  /** Kernel queues (CPU numbers) of this lane; only `uring` has them. */
  readonly queues: readonly number[]
  /** The CPU to pin the thread to; undefined: the main thread, or free to move. */
  readonly cpu: number | undefined
}

/** More threads cost memory (an isolate each) and bring nothing that was ever measured. */
const mostLanes = 16

/**
 * `auto` is one lane, on the main thread. With a lane per CPU one request at a time is 1.5 to 1.8 times as fast, but
 * 1024 in flight, when the CPUs are busy anyway, lose about a sixth (docs/benchmark.md): it is for who asks.
 * A number is cut to what makes sense: one lane where the backend is for one thread, no more than queues with `uring`.
 */
export const planLanes = (
  requested: number | 'auto',
  facts: { transport: LaneTransport; cpus: number; manyThreads: boolean },
): LanePlan[] => {
  const { transport, cpus, manyThreads } = facts
  const most = !manyThreads ? 1 : transport === 'uring' ? cpus : mostLanes
  const count = Math.max(1, Math.min(requested === 'auto' ? 1 : requested, most))
  const all = Array.from({ length: cpus }, (_, cpu) => cpu)
  return Array.from({ length: count }, (_, lane) => {
    const queues = transport === 'uring' ? all.filter((cpu) => cpu % count === lane) : []
    const [only, ...others] = queues
    return { queues, cpu: count > 1 && only !== undefined && others.length === 0 ? only : undefined }
  })
}

/**
 * Slots per CPU. More do not make a loop device at depth 1024 faster, but cost cache and memory (docs/benchmark.md).
 */
const defaultDepth = 32
/** A ring has at most 32768 entries, one per slot and a few more. */
const mostSlots = 16384
/** What a slot takes of the slab besides its payload: a header, its arguments and rounding (native/ring/slab.h). */
const slotOverhead = 3 * 4096

/** Slots per CPU. Throws ERR_USAGE for a number that no ring, or no ArrayBuffer, can hold. */
export const planDepth = (
  requested: number | 'auto',
  { cpus, lanes, maxPayload }: { cpus: number; lanes: number; maxPayload: number },
): number => {
  const cpusOfLane = Math.ceil(cpus / lanes)
  const mostInSlab = Math.floor(constants.MAX_LENGTH / (maxPayload + slotOverhead) / cpusOfLane)
  const most = Math.max(1, Math.min(Math.floor(mostSlots / cpus), mostInSlab))
  if (requested === 'auto') return Math.min(defaultDepth, most)
  if (Number.isInteger(requested) && requested >= 1 && requested <= most) return requested
  throw new RingvolError('ERR_USAGE', `queue depth ${String(requested)} is not a number from 1 to ${String(most)}`, {
    advice: `this machine has ${String(cpus)} possible CPUs, and each of them has that many slots of --max-io bytes`,
  })
}
