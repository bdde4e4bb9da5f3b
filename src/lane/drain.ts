/**
 * Waiting until no request is with us any more.
 *
 * The number of requests in flight lies in memory that the addon writes, so a drain looks at it now and then instead
 * of making every answer check whether somebody waits. It happens once in a volume's life.
 */
import { setTimeout as sleep } from 'node:timers/promises'

const lookEveryMs = 5

/** false when requests were still in flight at the deadline. */
export const drain = async (lanes: readonly { readonly inFlight: number }[], deadlineMs: number): Promise<boolean> => {
  const end = Date.now() + deadlineMs
  while (lanes.some((lane) => lane.inFlight > 0)) {
    if (Date.now() >= end) return false
    await sleep(lookEveryMs)
  }
  return true
}
