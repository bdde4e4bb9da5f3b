/**
 * Waiting with a deadline, in one place: the timer has to go when the wait is over, or it keeps the process alive, and
 * what comes too late must not become an unhandled rejection.
 */
import { setTimeout as sleep } from 'node:timers/promises'

/** What `result` settles with, or `late` after so many milliseconds; then `result` goes on, and nobody hears of it. */
export const orLate = async <T, Late>(result: T, deadlineMs: number, late: Late): Promise<Awaited<T> | Late> => {
  const timer = new AbortController()
  try {
    return await Promise.race([result, sleep(deadlineMs, late, { signal: timer.signal })])
  } finally {
    timer.abort()
  }
}
