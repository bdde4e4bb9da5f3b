/**
 * Charts as SVG text: no library, no script, no network, so that a page can be kept with its results for years.
 * Colours come from the page's CSS variables --s0 … --s7, so charts follow light and dark. Where a figure has a spread,
 * it is drawn: a median without it says more than was measured.
 */

/** A median and what the rounds lay between. */
export interface Value {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface Series {
  readonly name: string
  /** Index of its colour: the same system has the same colour in every chart. */
  readonly colour: number
  readonly points: readonly { readonly x: number; readonly y: Value }[]
}

export const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const width = 460
const edge = { left: 58, right: 14, top: 30, bottom: 40 }
const colourOf = (index: number): string => `var(--s${String(index % 8)})`
/** From the ninth system on colours repeat, and dashes tell. */
const repeats = (index: number): boolean => index >= 8
const n = (value: number): string => value.toFixed(1)

const text = (x: number, y: number, words: string, more = ''): string =>
  `<text x="${n(x)}" y="${n(y)}"${more}>${escapeXml(words)}</text>`
const titleText = (title: string): string => text(6, 16, title, ' class="title"')
const svg = (height: number, title: string, parts: readonly string[]): string =>
  `<svg viewBox="0 0 ${String(width)} ${n(height)}" role="img"><title>${escapeXml(title)}</title>${titleText(title)}${parts.join('')}</svg>`

/** Round figures from 0 to at least `most`: 1, 2 or 5 times a power of ten apart. */
export const linearTicks = (most: number): number[] => {
  if (!(most > 0)) return [0, 1]
  const power = 10 ** Math.floor(Math.log10(most / 4))
  const step = ([1, 2, 5, 10].find((factor) => factor * power * 5 >= most) ?? 10) * power
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, index) => index * step)
}

/** 1, 2 and 5 times powers of ten, from the last below all values to the first above; over a wide range fewer inside. */
export const logTicks = (least: number, most: number): number[] => {
  if (!(least > 0) || !(most >= least)) return [1, 10]
  const from = Math.floor(Math.log10(least))
  const steps = Array.from({ length: Math.ceil(Math.log10(most)) - from + 1 }, (_, index) => from + index).flatMap(
    (power) => [1, 2, 5].map((factor) => factor * 10 ** power),
  )
  const low = steps.filter((step) => step <= least).at(-1) ?? least
  const high = steps.find((step) => step >= most && step > low) ?? most
  const inside = steps.filter((step) => step >= low && step <= high)
  if (inside.length <= 6) return inside
  // A power of ten right beside an end would be written over it.
  const apart = (step: number): boolean => step / low > 2.1 && high / step > 2.1 && Number.isInteger(Math.log10(step))
  return inside.filter((step) => step === low || step === high || apart(step))
}

type Scale = 'linear' | 'log'

interface Axis {
  readonly ticks: readonly number[]
  /** 0 at the lower end, 1 at the upper. */
  place(value: number): number
}

const axisOf = (scale: Scale, values: readonly number[]): Axis => {
  const finite = values.filter((value) => Number.isFinite(value))
  const ticks =
    scale === 'linear' ? linearTicks(Math.max(0, ...finite)) : logTicks(Math.min(...finite), Math.max(...finite))
  const along = (value: number): number => (scale === 'linear' ? value : Math.log10(value))
  const [low, high] = [along(ticks[0] ?? 0), along(ticks.at(-1) ?? 1)]
  return { ticks, place: (value) => (along(value) - low) / (high - low) }
}

/** On an axis `1.00 ms` is 1 ms. */
const plain = (label: string): string => label.replace(/(\.\d*?)0+(?=\D|$)/, '$1').replace(/\.(?=\D|$)/, '')

/** What the pointer shows. */
const hover = (name: string, { median, min, max }: Value, format: (value: number) => string): string =>
  `<title>${escapeXml(`${name}: ${format(median)}${min === max ? '' : ` (${format(min)} to ${format(max)})`}`)}</title>`

export interface LineChart {
  readonly title: string
  readonly series: readonly Series[]
  readonly format: (value: number) => string
  readonly scale: Scale
  /** Where a rule is drawn across: the plain loop device in a chart of ratios. */
  readonly rule?: number
}

/** x is queue depth, on a logarithmic axis. */
export const lineChart = ({ title, series, format, scale, rule }: LineChart): string => {
  const height = 270
  const points = series.flatMap((each) => each.points)
  const xs = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b)
  const [first, last] = [Math.log2(xs[0] ?? 1), Math.log2(xs.at(-1) ?? 2)]
  const inner = width - edge.left - edge.right - 24
  const px = (x: number): number => edge.left + 12 + ((Math.log2(x) - first) / Math.max(1, last - first)) * inner
  const axis = axisOf(scale, [...points.flatMap(({ y }) => [y.min, y.max]), ...(rule === undefined ? [] : [rule])])
  const py = (y: number): number => height - edge.bottom - axis.place(y) * (height - edge.top - edge.bottom)
  const across = (y: number, kind: string): string =>
    `<path class="${kind}" d="M${String(edge.left)} ${n(py(y))}H${String(width - edge.right)}"/>`
  const grid = axis.ticks.map(
    (tick) => across(tick, 'grid') + text(edge.left - 6, py(tick) + 4, plain(format(tick)), ' text-anchor="end"'),
  )
  const below = xs.map((x) => text(px(x), height - edge.bottom + 16, String(x), ' text-anchor="middle"'))
  const label = text(
    px(2 ** ((first + last) / 2)),
    height - 6,
    'requests in flight',
    ' class="soft" text-anchor="middle"',
  )
  const lines = series.map(({ name, colour, points: own }, index) => {
    // Beside each other, so that one whisker does not hide another.
    const shift = (index - (series.length - 1) / 2) * 2
    const at = (x: number): string => n(px(x) + shift)
    const path = own.map(({ x, y }, step) => `${step === 0 ? 'M' : 'L'}${at(x)} ${n(py(y.median))}`).join('')
    const whiskers = own.map(({ x, y }) => `M${at(x)} ${n(py(y.min))}V${n(py(y.max))}`).join('')
    const dots = own.map(
      ({ x, y }) =>
        `<circle cx="${at(x)}" cy="${n(py(y.median))}" r="3" fill="${colourOf(colour)}">${hover(`${name}, depth ${String(x)}`, y, format)}</circle>`,
    )
    const dashes = repeats(colour) ? ' stroke-dasharray="5 3"' : ''
    return `<g stroke="${colourOf(colour)}"><path class="line" d="${path}"${dashes}/><path class="whisker" d="${whiskers}"/></g>${dots.join('')}`
  })
  return svg(height, title, [...grid, rule === undefined ? '' : across(rule, 'rule'), ...below, label, ...lines])
}

export interface Bar {
  readonly name: string
  readonly colour: number
  readonly value: Value
  /** A part of the value, drawn darker within its bar. */
  readonly part?: number
  readonly label: string
}

const rowHeight = 21
/** Of 11 px text, and a little more. */
const textWidth = (words: readonly string[]): number => Math.max(...words.map(({ length }) => length)) * 6.1 + 10

const bar = (
  { name, colour, value, part, label }: Bar,
  index: number,
  left: number,
  px: (value: number) => number,
): string => {
  const y = edge.top + index * rowHeight
  const middle = y + rowHeight / 2
  const rect = (to: number, opacity: number): string =>
    `<rect x="${n(left)}" y="${n(y + 3)}" width="${n(Math.max(0, px(to) - left))}" height="${String(rowHeight - 7)}" fill="${colourOf(colour)}" opacity="${String(opacity)}"/>`
  const faint = part !== undefined || repeats(colour) ? 0.5 : 1
  const spread =
    value.min < value.max ? `<path class="spread" d="M${n(px(value.min))} ${n(middle)}H${n(px(value.max))}"/>` : ''
  return [
    `<g>${hover(name, value, () => label)}`,
    text(left - 6, middle + 4, name, ' text-anchor="end"'),
    rect(value.median, faint),
    part === undefined ? '' : rect(part, 1),
    spread,
    text(px(Math.max(value.median, value.max)) + 5, middle + 4, label),
    '</g>',
  ].join('')
}

/** Horizontal bars from 0 with their spread; a rule where `rule` says, such as at 1, where the plain loop device is. */
export const barChart = (title: string, bars: readonly Bar[], rule?: number): string => {
  const left = textWidth(bars.map(({ name }) => name))
  const right = textWidth(bars.map(({ label }) => label))
  const total = edge.top + bars.length * rowHeight + 6
  const most = Math.max(rule ?? 0, ...bars.map(({ value }) => Math.max(value.median, value.max)))
  const px = (value: number): number => left + (most > 0 ? value / most : 0) * (width - left - right)
  const across =
    rule === undefined ? '' : `<path class="rule" d="M${n(px(rule))} ${String(edge.top)}V${n(total - 4)}"/>`
  return svg(total, title, [...bars.map((each, index) => bar(each, index, left, px)), across])
}

export interface Range {
  readonly name: string
  readonly colour: number
  readonly from: number
  readonly to: number
}

/** From one dot to the other on a logarithmic axis: p50 to p99. */
export const rangeChart = (title: string, ranges: readonly Range[], format: (value: number) => string): string => {
  const left = textWidth(ranges.map(({ name }) => name))
  const bottom = edge.top + ranges.length * rowHeight
  const axis = axisOf(
    'log',
    ranges.flatMap(({ from, to }) => [from, to]),
  )
  const px = (value: number): number => left + 6 + axis.place(value) * (width - left - 36)
  const grid = axis.ticks.map(
    (tick) =>
      `<path class="grid" d="M${n(px(tick))} ${String(edge.top)}V${n(bottom)}"/>` +
      text(px(tick), bottom + 14, plain(format(tick)), ' text-anchor="middle"'),
  )
  const rows = ranges.map(({ name, colour, from, to }, index) => {
    const y = n(edge.top + (index + 0.5) * rowHeight)
    const dot = (value: number, r: number): string => `<circle cx="${n(px(value))}" cy="${y}" r="${String(r)}"/>`
    const label = `${name}: ${format(from)}, ${format(to)}`
    return `<g fill="${colourOf(colour)}" stroke="${colourOf(colour)}"><title>${escapeXml(label)}</title><path class="line" d="M${n(px(from))} ${y}H${n(px(to))}"${repeats(colour) ? ' stroke-dasharray="5 3"' : ''}/>${dot(from, 4.5)}${dot(to, 3)}</g>${text(left - 6, Number(y) + 4, name, ' text-anchor="end"')}`
  })
  return svg(bottom + 20, title, [...grid, ...rows])
}
