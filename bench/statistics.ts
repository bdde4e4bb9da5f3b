/**
 * What is said about repeated measurements: the median and the whole spread.
 *
 * No mean and no deviation: on a shared machine one disturbed round would pull a mean, and five rounds are too few for
 * a deviation to mean anything. Minimum and maximum hide nothing.
 */

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Of an even number of values the mean of the middle two; of none NaN. */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN
  return (lower + upper) / 2
}

export const spread = (values: readonly number[]): Spread => ({
  median: median(values),
  min: values.length === 0 ? NaN : Math.min(...values),
  max: values.length === 0 ? NaN : Math.max(...values),
})

/** One for each round that has both: what disturbs a round disturbs both of its figures. */
export const pairedRatios = (values: ReadonlyMap<number, number>, baseline: ReadonlyMap<number, number>): number[] =>
  [...values].flatMap(([round, value]) => {
    const base = baseline.get(round)
    return base === undefined || base === 0 ? [] : [value / base]
  })

/** counts[u]: in how many orders of n and m values a value of the first kind stands above one of the second u times. */
const rankCounts = (n: number, m: number): number[] => {
  // By the largest value: one of the first kind stands above all m, one of the second kind above none.
  const table = new Map<string, number[]>()
  const count = (a: number, b: number): number[] => {
    if (a === 0 || b === 0) return [1]
    const known = table.get(`${String(a)} ${String(b)}`)
    if (known) return known
    const [first, second] = [count(a - 1, b), count(a, b - 1)]
    const counts = Array.from({ length: a * b + 1 }, (_, u) => (first[u - b] ?? 0) + (second[u] ?? 0))
    table.set(`${String(a)} ${String(b)}`, counts)
    return counts
  }
  return count(n, m)
}

/**
 * How often chance alone would set two samples of one and the same thing as far apart as these: the exact two-sided
 * rank test of Mann and Whitney. It asks only which value is larger, so one disturbed round cannot decide it, and it
 * assumes nothing about how figures scatter. Three rounds beside three never get below 0.1, five beside five 0.008.
 */
export const chanceOf = (before: readonly number[], after: readonly number[]): number => {
  if (before.length === 0 || after.length === 0) return 1
  const above = after.reduce(
    (sum, value) => sum + before.reduce((wins, other) => wins + (value > other ? 1 : value === other ? 0.5 : 0), 0),
    0,
  )
  const counts = rankCounts(after.length, before.length)
  const all = counts.reduce((sum, count) => sum + count, 0)
  const tail = Math.floor(Math.min(above, before.length * after.length - above))
  const beyond = counts.slice(0, tail + 1).reduce((sum, count) => sum + count, 0)
  return Math.min(1, (2 * beyond) / all)
}
