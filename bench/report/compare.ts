/**
 * Two result files side by side: did a change help?
 *
 * What is compared is the ratio to the plain loop device of the same run, not IOPS: two runs at different times are two
 * machines, and the plain loop device is what both have in common. IOPS are shown beside it.
 */
import { formatCount, formatRatio } from '../format.js'
import { type Results } from '../results.js'
import { summarize, type SummaryRow } from '../summary.js'
import { layoutTable } from './layout.js'

const key = ({ target, pattern, depth, system }: SummaryRow): string => [target, pattern, depth, system].join('\0')

export interface Comparison {
  readonly before: SummaryRow
  readonly after: SummaryRow
  /** Of the ratios to the baseline: 0.1 is ten per cent better. */
  readonly change: number
  /** The spreads of both runs, as ratios to their medians, overlap at this change: it may be noise. */
  readonly withinNoise: boolean
}

const relativeSpread = ({ iops }: SummaryRow): number => (iops.max - iops.min) / iops.median / 2

export const compareResults = (before: Results, after: Results): Comparison[] => {
  const old = new Map(summarize(before).map((row) => [key(row), row]))
  return summarize(after).flatMap((row) => {
    const previous = old.get(key(row))
    if (previous === undefined) return []
    const change = row.ratio / previous.ratio - 1
    const noise =
      row.rounds < 3 || previous.rounds < 3 || Math.abs(change) <= relativeSpread(row) + relativeSpread(previous)
    return [{ before: previous, after: row, change, withinNoise: noise }]
  })
}

const percent = (value: number): string =>
  Number.isFinite(value) ? `${value >= 0 ? '+' : ''}${(value * 100).toFixed(1)} %` : '–'

/** Lines. The baseline's own rows show how alike the two runs were. */
export const compareTable = (before: Results, after: Results): string[] => {
  const compared = compareResults(before, after)
  if (compared.length === 0) return ['the two files have no target, pattern, depth and system in common']
  const rows = compared.map(({ before: old, after: row, change, withinNoise }) => [
    row.target,
    row.pattern,
    String(row.depth),
    row.system,
    formatCount(old.iops.median),
    formatCount(row.iops.median),
    formatRatio(old.ratio),
    formatRatio(row.ratio),
    row.ratio === 1 ? '' : percent(change),
    row.ratio === 1 ? '' : withinNoise ? 'within noise' : change > 0 ? 'better' : 'worse',
  ])
  const right = (title: string) => ({ title, align: 'right' }) as const
  const left = (title: string) => ({ title, align: 'left' }) as const
  return [
    `before: ${before.startedAt}, ringvol ${before.machine.commit ?? before.machine.ringvol}, Linux ${before.machine.kernel}, ${before.machine.cpu}`,
    `after:  ${after.startedAt}, ringvol ${after.machine.commit ?? after.machine.ringvol}, Linux ${after.machine.kernel}, ${after.machine.cpu}`,
    '',
    ...layoutTable(
      [
        left('target'),
        left('pattern'),
        right('depth'),
        left('system'),
        right('IOPS before'),
        right('after'),
        right('ratio before'),
        right('after'),
        right('change'),
        left(''),
      ],
      rows,
    ),
  ]
}
