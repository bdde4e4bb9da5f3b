/**
 * How many lanes a volume gets, which kernel queues each serves, and which CPU each is pinned to.
 *
 * Pure, so that every case is a unit test.
 */
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
 * `auto` is one lane, on the main thread. A lane per CPU answers a fifth to a third sooner at depth 1, but costs a sixth
 * of the throughput at depth 1024, where the CPUs are busy anyway (docs/benchmark.md): it is for who asks.
 * A number is cut to what makes sense: one lane without a file, as many lanes as queues with `uring`.
 */
export const planLanes = (
  requested: number | 'auto',
  facts: { transport: LaneTransport; cpus: number; hasFile: boolean },
): LanePlan[] => {
  const { transport, cpus, hasFile } = facts
  const most = !hasFile ? 1 : transport === 'uring' ? cpus : mostLanes
  const count = Math.max(1, Math.min(requested === 'auto' ? 1 : requested, most))
  const all = Array.from({ length: cpus }, (_, cpu) => cpu)
  return Array.from({ length: count }, (_, lane) => {
    const queues = transport === 'uring' ? all.filter((cpu) => cpu % count === lane) : []
    const [only, ...others] = queues
    return { queues, cpu: count > 1 && only !== undefined && others.length === 0 ? only : undefined }
  })
}
