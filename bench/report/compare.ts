/**
 * Two result files side by side: did a change help?
 *
 * What is compared is the ratio to the plain loop device of the same run, not IOPS: two runs at different times are two
 * machines, and the plain loop device is what both have in common. IOPS are shown beside it.
 */
import { formatCount, formatRatio } from '../format.js'
import { type Results } from '../results.js'
import { chanceOf } from '../statistics.js'
import { summarize, type SummaryRow } from '../summary.js'
import { layoutTable } from './layout.js'

const key = ({ target, pattern, depth, system }: SummaryRow): string => [target, pattern, depth, system].join('\0')

export interface Comparison {
  readonly before: SummaryRow
  readonly after: SummaryRow
  /** Of the ratios to the baseline: 0.1 is ten per cent better. */
  readonly change: number
  /** How often chance alone would set the rounds' ratios as far apart as this. */
  readonly chance: number
  readonly verdict: 'better' | 'worse' | 'within noise' | 'too few rounds' | 'wrong data'
}

/** Below this a change is called one. Of twenty rows that are no change, one looks like it all the same. */
const believed = 0.05

const judge = (
  before: readonly number[],
  after: readonly number[],
  change: number,
  chance: number,
): Comparison['verdict'] => {
  const best = chanceOf(
    before.map(() => 0),
    after.map(() => 1),
  )
  if (best > believed) return 'too few rounds'
  if (chance > believed) return 'within noise'
  return change > 0 ? 'better' : 'worse'
}

/** Systems of which something came back wrong: their figures mean nothing. */
const liars = (...results: readonly Results[]): Set<string> =>
  new Set(results.flatMap(({ checks }) => checks.flatMap(({ ok, system }) => (ok ? [] : [system]))))

export const compareResults = (before: Results, after: Results): Comparison[] => {
  const wrong = liars(before, after)
  const old = new Map(summarize(before).map((row) => [key(row), row]))
  return summarize(after).flatMap((row) => {
    const previous = old.get(key(row))
    if (previous === undefined) return []
    const change = row.ratio.median / previous.ratio.median - 1
    const chance = chanceOf(previous.ratios, row.ratios)
    const verdict = wrong.has(row.system) ? 'wrong data' : judge(previous.ratios, row.ratios, change, chance)
    return [{ before: previous, after: row, change, chance, verdict }]
  })
}

const percent = (value: number): string =>
  Number.isFinite(value) ? `${value >= 0 ? '+' : ''}${(value * 100).toFixed(1)} %` : '–'

const isBaseline = ({ ratios }: SummaryRow): boolean => ratios.length > 0 && ratios.every((ratio) => ratio === 1)

/** Lines. The baseline's own rows show how alike the two runs were. */
export const compareTable = (before: Results, after: Results): string[] => {
  const compared = compareResults(before, after)
  if (compared.length === 0) return ['the two files have no target, pattern, depth and system in common']
  const rows = compared.map(({ before: old, after: row, change, chance, verdict }) => [
    row.target,
    row.pattern,
    String(row.depth),
    row.system,
    formatCount(old.iops.median),
    formatCount(row.iops.median),
    formatRatio(old.ratio.median),
    formatRatio(row.ratio.median),
    ...(isBaseline(row) ? ['', '', ''] : [percent(change), chance.toFixed(3), verdict]),
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
        right('chance'),
        left(''),
      ],
      rows,
    ),
  ]
}
