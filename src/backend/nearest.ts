/**
 * The known name nearest to a wrong one, for the advice in an error message.
 */

/** Edits (insert, delete, replace, swap neighbours) that make `a` of `b`. */
const distance = (a: string, b: string): number => {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const costs = [(row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same]
      if (swapped) costs.push((before[j - 2] ?? 0) + 1)
      next.push(Math.min(...costs))
    }
    before = row
    row = next
  }
  return row[b.length] ?? 0
}

/** The one of `names` that `wrong` was probably meant to be, or undefined when none is near. */
export const nearest = (wrong: string, names: readonly string[]): string | undefined => {
  const rows = names.map((name) => ({ name, edits: distance(wrong.toLowerCase(), name.toLowerCase()) }))
  const best = rows.toSorted((a, b) => a.edits - b.edits)[0]
  return best !== undefined && best.edits <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : undefined
}

/** `did you mean 'file'? known schemes: file, memory`; for the advice of an error. */
export const suggest = (wrong: string, what: string, names: readonly string[]): string => {
  const near = nearest(wrong, names)
  return `${near === undefined ? '' : `did you mean '${near}'? `}known ${what}: ${names.join(', ')}`
}
