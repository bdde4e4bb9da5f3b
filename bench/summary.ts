/**
 * From single runs to one row for each target, pattern, depth and system: what every report is made of.
 */
import { type TargetName } from './plan.js'
import { type Results, type RunRecord, type SystemRecord } from './results.js'
import { median, pairedRatios, spread, type Spread } from './statistics.js'

export interface SummaryRow {
  readonly target: TargetName
  readonly pattern: string
  readonly depth: number
  readonly system: string
  readonly rounds: number
  readonly iops: Spread
  /** To the plain loop device over the same medium, of each round in which both ran: what `ratio` is the spread of. */
  readonly ratios: readonly number[]
  /** 1 for a plain loop device itself, NaN where it did not run. */
  readonly ratio: Spread
  /** Nanoseconds, medians of the rounds' percentiles. */
  readonly p50: number
  readonly p99: number
  readonly bytesPerSecond: number
  /** CPU seconds of the daemons for a million operations; null where the kernel does the work. */
  readonly daemonCpuPerMillion: number | null
  /** Of the whole machine, fio included. */
  readonly machineCpuPerMillion: number
}

const key = (run: RunRecord): string => [run.target, run.pattern, run.depth, run.system].join('\0')
const byRound = (runs: readonly RunRecord[]): Map<number, number> => new Map(runs.map((run) => [run.round, run.iops]))

const groupBy = <T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> => {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}

/** The one over the same medium, or the first: a system that lies in no file has none of its own. */
export const baselineOf = (systems: readonly SystemRecord[], system: string): string | undefined => {
  const baselines = systems.filter(({ baseline }) => baseline)
  const medium = systems.find(({ name }) => name === system)?.medium
  return (baselines.find((each) => each.medium === medium) ?? baselines[0])?.name
}

/** In the order of the plan's jobs and of the systems, whatever order the rounds rotated to. */
export const summarize = ({ runs, systems }: Pick<Results, 'runs' | 'systems'>): SummaryRow[] => {
  const order = new Map(systems.map(({ name }, index) => [name, index]))
  const groups = groupBy(runs, key)
  const jobs = groupBy(runs, (run) => [run.target, run.pattern, run.depth].join('\0'))
  return [...jobs.values()].flatMap((jobRuns) => {
    const names = [...new Set(jobRuns.map((run) => run.system))].sort(
      (a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0),
    )
    return names.flatMap((name): SummaryRow[] => {
      const baseline = baselineOf(systems, name)
      const base = byRound(jobRuns.filter((run) => run.system === baseline))
      const [first] = jobRuns
      const own = first === undefined ? [] : (groups.get(key({ ...first, system: name })) ?? [])
      return first === undefined ? [] : [row(first, name, own, base)]
    })
  })
}

const perMillion = ({ operations }: RunRecord, seconds: number): number => (seconds / operations) * 1e6

const row = (
  { target, pattern, depth }: RunRecord,
  system: string,
  runs: readonly RunRecord[],
  base: ReadonlyMap<number, number>,
): SummaryRow => {
  const daemonCpu = runs.flatMap((run) => (run.daemonCpu === null ? [] : [perMillion(run, run.daemonCpu)]))
  const ratios = pairedRatios(byRound(runs), base)
  return {
    target,
    pattern,
    depth,
    system,
    rounds: runs.length,
    iops: spread(runs.map((run) => run.iops)),
    ratios,
    ratio: spread(ratios),
    p50: median(runs.map((run) => run.p50)),
    p99: median(runs.map((run) => run.p99)),
    bytesPerSecond: median(runs.map((run) => run.bytesPerSecond)),
    daemonCpuPerMillion: daemonCpu.length === 0 ? null : median(daemonCpu),
    machineCpuPerMillion: median(runs.map((run) => perMillion(run, run.machineCpu))),
  }
}
