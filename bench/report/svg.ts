/**
 * Charts as SVG text: no library, no script, no network, so that a page can be kept with its results for years.
 * Colours come from the page's CSS variables --s0 … --s7, so charts follow light and dark.
 */

export interface Series {
  readonly name: string
  /** Index of its colour: the same system has the same colour in every chart. */
  readonly colour: number
  readonly points: readonly { readonly x: number; readonly y: number }[]
  readonly dashed?: boolean
}

export const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const width = 460
const height = 260
const edge = { left: 62, right: 12, top: 28, bottom: 30 }
const colourOf = (index: number): string => `var(--s${String(index % 8)})`
const n = (value: number): string => value.toFixed(1)

/** Round figures from 0 to at least `most`: 1, 2 or 5 times a power of ten apart. */
export const linearTicks = (most: number): number[] => {
  if (!(most > 0)) return [0, 1]
  const power = 10 ** Math.floor(Math.log10(most / 4))
  const step = ([1, 2, 5, 10].find((factor) => factor * power * 5 >= most) ?? 10) * power
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, index) => index * step)
}

/** Powers of ten around all values. */
export const logTicks = (least: number, most: number): number[] => {
  if (!(least > 0) || !(most > 0)) return [1, 10]
  const from = Math.floor(Math.log10(least))
  const to = Math.max(from + 1, Math.ceil(Math.log10(most)))
  return Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index))
}

export interface LineChart {
  readonly title: string
  readonly series: readonly Series[]
  readonly format: (value: number) => string
  readonly scale: 'linear' | 'log'
}

/** x is queue depth: every depth that occurs gets the same distance, because depths are chosen as powers. */
export const lineChart = ({ title, series, format, scale }: LineChart): string => {
  const xs = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b)
  const ys = series.flatMap(({ points }) => points.map(({ y }) => y))
  const ticks = scale === 'linear' ? linearTicks(Math.max(...ys)) : logTicks(Math.min(...ys), Math.max(...ys))
  const along = (value: number): number => (scale === 'linear' ? value : Math.log10(value))
  const [low, high] = [along(ticks[0] ?? 0), along(ticks.at(-1) ?? 1)]
  const px = (x: number): number => edge.left + ((xs.indexOf(x) + 0.5) / xs.length) * (width - edge.left - edge.right)
  const py = (y: number): number =>
    height - edge.bottom - ((along(y) - low) / (high - low)) * (height - edge.top - edge.bottom)
  const grid = ticks.map(
    (tick) =>
      `<path class="grid" d="M${String(edge.left)} ${n(py(tick))}H${String(width - edge.right)}"/><text x="${String(edge.left - 6)}" y="${n(py(tick) + 4)}" text-anchor="end">${escapeXml(format(tick))}</text>`,
  )
  const axis = xs.map(
    (x) => `<text x="${n(px(x))}" y="${String(height - 10)}" text-anchor="middle">${String(x)}</text>`,
  )
  const lines = series.map(({ name, colour, points, dashed }) => {
    const path = points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${n(px(x))} ${n(py(y))}`).join('')
    const dots = points.map(
      ({ x, y }) =>
        `<circle cx="${n(px(x))}" cy="${n(py(y))}" r="3.5" fill="${colourOf(colour)}"><title>${escapeXml(`${name}, depth ${String(x)}: ${format(y)}`)}</title></circle>`,
    )
    return `<path class="line" d="${path}" stroke="${colourOf(colour)}"${dashed === true ? ' stroke-dasharray="4 3"' : ''}/>${dots.join('')}`
  })
  return `<svg viewBox="0 0 ${String(width)} ${String(height)}" role="img"><title>${escapeXml(title)}</title><text class="title" x="${String(edge.left)}" y="16">${escapeXml(title)}</text>${grid.join('')}${axis.join('')}${lines.join('')}</svg>`
}

export interface Bar {
  readonly name: string
  readonly colour: number
  readonly value: number
  readonly label: string
}

/** Horizontal bars from 0; a rule at 1, where the plain loop device is. */
export const barChart = (title: string, bars: readonly Bar[]): string => {
  const left = 170
  const rowHeight = 22
  const total = edge.top + bars.length * rowHeight + 8
  const most = Math.max(1, ...bars.map(({ value }) => value))
  const px = (value: number): number => left + (value / most) * (width - left - 64)
  const rows = bars.map(({ name, colour, value, label }, index) => {
    const y = edge.top + index * rowHeight
    return `<text x="${String(left - 6)}" y="${String(y + 14)}" text-anchor="end">${escapeXml(name)}</text><rect x="${String(left)}" y="${String(y + 3)}" width="${n(Math.max(0, px(value) - left))}" height="${String(rowHeight - 7)}" fill="${colourOf(colour)}"><title>${escapeXml(`${name}: ${label}`)}</title></rect><text x="${n(px(value) + 5)}" y="${String(y + 14)}">${escapeXml(label)}</text>`
  })
  return `<svg viewBox="0 0 ${String(width)} ${String(total)}" role="img"><title>${escapeXml(title)}</title><text class="title" x="6" y="16">${escapeXml(title)}</text><path class="grid" d="M${n(px(1))} ${String(edge.top)}V${String(total - 4)}"/>${rows.join('')}</svg>`
}
