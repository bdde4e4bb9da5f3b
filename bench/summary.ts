/**
 * From single runs to one row for each target, pattern, depth and system: what every report is made of.
 */
import { type TargetName } from './plan.js'
import { type Results, type RunRecord } from './results.js'
import { median, pairedRatio, spread, type Spread } from './statistics.js'

export interface SummaryRow {
  readonly target: TargetName
  readonly pattern: string
  readonly depth: number
  readonly system: string
  readonly rounds: number
  readonly iops: Spread
  /** To the baseline, median of the rounds' ratios; 1 for the baseline itself, NaN where it did not run. */
  readonly ratio: number
  /** Nanoseconds, medians of the rounds' percentiles. */
  readonly p50: number
  readonly p99: number
  readonly bytesPerSecond: number
  /** CPU microseconds of the daemons for one operation; null where the kernel does the work. */
  readonly daemonCpuPerOperation: number | null
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

/** In the order of the plan's jobs and of the systems, whatever order the rounds rotated to. */
export const summarize = ({ runs, systems }: Pick<Results, 'runs' | 'systems'>): SummaryRow[] => {
  const baseline = systems.find((system) => system.baseline)?.name
  const order = new Map(systems.map(({ name }, index) => [name, index]))
  const groups = groupBy(runs, key)
  const jobs = groupBy(runs, (run) => [run.target, run.pattern, run.depth].join('\0'))
  return [...jobs.values()].flatMap((jobRuns) => {
    const names = [...new Set(jobRuns.map((run) => run.system))].sort(
      (a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0),
    )
    const base = byRound(jobRuns.filter((run) => run.system === baseline))
    return names.flatMap((name): SummaryRow[] => {
      const [first] = jobRuns
      const own = first === undefined ? [] : (groups.get(key({ ...first, system: name })) ?? [])
      return first === undefined ? [] : [row(first, name, own, base)]
    })
  })
}

const row = (
  { target, pattern, depth }: RunRecord,
  system: string,
  runs: readonly RunRecord[],
  base: ReadonlyMap<number, number>,
): SummaryRow => {
  const perOperation = runs.flatMap(({ daemonCpu, operations }) =>
    daemonCpu === null || operations === 0 ? [] : [(daemonCpu / operations) * 1e6],
  )
  return {
    target,
    pattern,
    depth,
    system,
    rounds: runs.length,
    iops: spread(runs.map((run) => run.iops)),
    ratio: pairedRatio(byRound(runs), base),
    p50: median(runs.map((run) => run.p50)),
    p99: median(runs.map((run) => run.p99)),
    bytesPerSecond: median(runs.map((run) => run.bytesPerSecond)),
    daemonCpuPerOperation: perOperation.length === 0 ? null : median(perOperation),
  }
}
