/**
 * How long things take in this run, learned from what has been done, for two uses: the time left that is shown, and
 * the length of a timed run when the whole must end in time (--quick).
 */
import { secondsPerRun } from './plan.js'

/** --quick promises 60 s for everything; set-up checks before and taking down after need a part of it. */
const quickBudget = 44

export interface Clock {
  /** Seconds that the next timed run should take. */
  runSeconds(): number
  secondsLeft(): number
  /** One timed run took `wall` seconds in all. */
  ran(wall: number): void
  /** One system was prepared or verified for one target, in `wall` seconds. */
  tended(wall: number): void
}

export interface Work {
  readonly runs: number
  /** Preparing and verifying, each once for each system and target. */
  readonly tendings: number
  /** Seconds of a timed run, or null for --quick. */
  readonly seconds: number | null
}

/** `now`: seconds since the program began. */
export const createClock = (work: Work, now: () => number): Clock => {
  let { runs, tendings } = work
  let overhead = { total: 0.5, count: 1 }
  let tending = { total: 1.2, count: 1 }
  let last = work.seconds ?? 0.6
  const tendingLeft = (): number => (tendings * tending.total) / tending.count
  const overheadPerRun = (): number => overhead.total / overhead.count
  return {
    runSeconds: () => {
      if (work.seconds === null) {
        const left = quickBudget - now() - tendingLeft()
        last = secondsPerRun(left, runs, overheadPerRun())
      }
      return last
    },
    secondsLeft: () => tendingLeft() + runs * (last + overheadPerRun()),
    ran: (wall) => {
      runs -= 1
      overhead = { total: overhead.total + Math.max(0, wall - last), count: overhead.count + 1 }
    },
    tended: (wall) => {
      tendings -= 1
      tending = { total: tending.total + wall, count: tending.count + 1 }
    },
  }
}
