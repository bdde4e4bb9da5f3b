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

/** Median of the ratios of the same round: what disturbs a round disturbs both of its figures. Rounds without both are left out. */
export const pairedRatio = (values: ReadonlyMap<number, number>, baseline: ReadonlyMap<number, number>): number =>
  median(
    [...values].flatMap(([round, value]) => {
      const base = baseline.get(round)
      return base === undefined || base === 0 ? [] : [value / base]
    }),
  )
