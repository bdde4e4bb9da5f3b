/**
 * From a list that shows a fault to a short one that still does. Removes halves first and single items last, because a
 * try costs a mounted volume: a shrinker that looks at one item after the other would take a day for a long log.
 */
export interface ShrinkLimits {
  readonly tries: number
  /** Milliseconds since 1970. */
  readonly until: number
}

/**
 * The shortest list found before the limits, in the order it was in. Minimal, if the limits were not met: without any
 * one of its items it no longer fails.
 */
export const shrink = async <T>(
  items: readonly T[],
  fails: (items: readonly T[]) => Promise<boolean>,
  { tries, until }: ShrinkLimits,
): Promise<readonly T[]> => {
  let best = items
  let left = tries
  let piece = Math.ceil(best.length / 2)
  while (best.length > 1) {
    let removed = false
    // From the end: what comes last before the fault is most often needed, and the rest goes in large pieces.
    for (let end = best.length; end > 0 && best.length > 1; end -= piece) {
      if (left-- <= 0 || Date.now() > until) return best
      const fewer = [...best.slice(0, Math.max(0, end - piece)), ...best.slice(end)]
      if (fewer.length > 0 && (await fails(fewer))) {
        best = fewer
        removed = true
      }
    }
    if (piece > 1) piece = Math.ceil(piece / 2)
    else if (!removed) break
    piece = Math.min(piece, Math.ceil(best.length / 2))
  }
  return best
}

/** Replaces items by simpler ones, as long as it still fails with them. */
export const simplify = async <T>(
  items: readonly T[],
  simpler: (item: T) => readonly T[],
  fails: (items: readonly T[]) => Promise<boolean>,
  { tries, until }: ShrinkLimits,
): Promise<readonly T[]> => {
  let best = items
  let left = tries
  for (let index = 0; index < best.length;) {
    const item = best[index]
    let taken = false
    for (const candidate of item === undefined ? [] : simpler(item)) {
      if (left-- <= 0 || Date.now() > until) return best
      const changed = best.with(index, candidate)
      if (!(await fails(changed))) continue
      best = changed
      taken = true
      break
    }
    if (!taken) index++
  }
  return best
}
