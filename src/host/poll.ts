/**
 * Waiting for what the kernel does not announce: sysfs and /proc send no events for the things awaited here.
 */
import { setTimeout as sleep } from 'node:timers/promises'

export interface PollOptions {
  /** Milliseconds from now. */
  readonly deadline: number
  /** Milliseconds between looks; default 20. */
  readonly interval?: number
  readonly signal?: AbortSignal | undefined
}

/** true as soon as `look` says so, false when the deadline passed. Looks at least once. Rejects when aborted. */
export const until = async (
  look: () => boolean | Promise<boolean>,
  { deadline, interval = 20, signal }: PollOptions,
): Promise<boolean> => {
  const end = performance.now() + deadline
  for (;;) {
    signal?.throwIfAborted()
    if (await look()) return true
    if (performance.now() >= end) return false
    await sleep(interval, undefined, signal === undefined ? {} : { signal })
  }
}
