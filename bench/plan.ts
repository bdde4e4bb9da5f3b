/**
 * What is run in which order.
 *
 * The machine changes under a benchmark: clocks, neighbours, memory. So systems are not measured one after the other
 * but interleaved: in each round every pair of system and job runs once, the systems of one job directly behind each
 * other, and who goes first rotates, so that no system always has the same neighbour in time.
 */
import { type Pattern } from './patterns.js'

/**
 * What fio opens: the loop device, the file below the loop device, or a file on ext4 on the loop device. In the order
 * in which they are measured: making the file system is last, because it ends what the others have filled in.
 */
export const targetNames = ['raw', 'volume', 'file'] as const
export type TargetName = (typeof targetNames)[number]

export interface Job {
  readonly pattern: Pattern
  readonly depth: number
}

export interface Step<System> {
  /** From 1. */
  readonly round: number
  readonly job: Job
  readonly system: System
}

/** Each pattern at each depth, patterns of a fixed depth once. */
export const planJobs = (patterns: readonly Pattern[], depths: readonly number[]): Job[] =>
  patterns.flatMap((pattern) =>
    (pattern.depth === undefined ? depths : [pattern.depth]).map((depth) => ({ pattern, depth })),
  )

export const rotate = <T>(items: readonly T[], by: number): T[] => {
  const start = items.length === 0 ? 0 : by % items.length
  return [...items.slice(start), ...items.slice(0, start)]
}

/** Behind the first one the other way in every other round, so that nobody always follows the same one. */
const turned = <T>([first, ...others]: readonly T[], round: number): readonly T[] =>
  first === undefined ? [] : [first, ...(round % 2 === 0 ? others : others.toReversed())]

export const planRounds = <System>(rounds: number, jobs: readonly Job[], systems: readonly System[]): Step<System>[] =>
  Array.from({ length: rounds }, (_, round) =>
    rotate(jobs, round).flatMap((job) =>
      // By the job's own number, not its place in this round: that would turn back what the round has turned.
      turned(rotate(systems, round + jobs.indexOf(job)), round).map((system) => ({ round: round + 1, job, system })),
    ),
  ).flat()

/**
 * Seconds one run may time so that `runs` of them, each with `overhead` seconds of starting and stopping fio, fit into
 * `left` seconds. Under 0.3 s fio would mostly measure its own start; over 3 s a round gets no better.
 */
export const secondsPerRun = (left: number, runs: number, overhead: number): number =>
  Math.min(3, Math.max(0.3, Math.floor((left / Math.max(1, runs) - overhead) * 100) / 100))
