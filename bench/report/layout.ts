/**
 * Rows of text as aligned columns: words to the left, figures to the right, two blanks between. A plain terminal and a
 * plain file are where a benchmark is read first, so no frame and no colour.
 */

export interface Column {
  readonly title: string
  readonly align: 'left' | 'right'
}

const pad = (text: string, width: number, { align }: Column): string =>
  align === 'left' ? text.padEnd(width) : text.padStart(width)

/** Lines without trailing blanks. A row shorter than the columns is a line of its own text, outside the alignment. */
export const layoutTable = (columns: readonly Column[], rows: readonly (readonly string[])[]): string[] => {
  const full = rows.filter((row) => row.length === columns.length)
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...full.map((row) => row[index]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, index) => pad(cells[index] ?? '', widths[index] ?? 0, column))
      .join('  ')
      .trimEnd()
  return [
    line(columns.map(({ title }) => title)),
    ...rows.map((row) => (row.length === columns.length ? line(row) : row.join('  '))),
  ]
}
