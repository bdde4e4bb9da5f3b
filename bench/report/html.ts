/**
 * The result as one page that needs nothing else: what was measured on what, the charts, then the same text as on the
 * terminal.
 *
 * A pattern that ran at several depths is drawn over depth; every pattern has bars at its deepest: ratio, latency, CPU.
 */
import { formatSize } from '../../src/units.js'
import { formatCount, formatDuration, formatRatio, formatSeconds, formatTime } from '../format.js'
import { patterns } from '../patterns.js'
import { type TargetName } from '../plan.js'
import { type Results } from '../results.js'
import { summarize, type SummaryRow } from '../summary.js'
import { style } from './style.js'
import { barChart, escapeXml, lineChart, rangeChart, type LineChart, type Series, type Value } from './svg.js'
import { reportTable, targetTitle } from './table.js'

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)]

type ColourOf = (system: string) => number

/** A figure of which only the median is kept. */
const single = (value: number): Value => ({ median: value, min: value, max: value })

const seriesOf = (rows: readonly SummaryRow[], colourOf: ColourOf, value: (row: SummaryRow) => Value): Series[] =>
  unique(rows.map(({ system }) => system)).map((system) => ({
    name: system,
    colour: colourOf(system),
    points: rows.flatMap((row) => {
      const y = value(row)
      return row.system === system && Number.isFinite(y.median) ? [{ x: row.depth, y }] : []
    }),
  }))

const overDepth = (rows: readonly SummaryRow[], colourOf: ColourOf): string[] => {
  const chart = (more: Omit<LineChart, 'series'>, value: (row: SummaryRow) => Value): string =>
    lineChart({ ...more, series: seriesOf(rows, colourOf, value) })
  return [
    chart({ title: 'IOPS', format: formatCount, scale: 'linear' }, ({ iops }) => iops),
    chart(
      { title: 'ratio to the plain loop device', format: formatRatio, scale: 'linear', rule: 1 },
      ({ ratio }) => ratio,
    ),
    chart({ title: 'latency, p50', format: formatTime, scale: 'log' }, ({ p50 }) => single(p50)),
    chart({ title: 'latency, p99', format: formatTime, scale: 'log' }, ({ p99 }) => single(p99)),
  ]
}

const atDepth = (rows: readonly SummaryRow[], depth: number, colourOf: ColourOf): string[] => {
  const own = rows.filter((row) => row.depth === depth)
  const common = ({ system }: SummaryRow): { name: string; colour: number } => ({
    name: system,
    colour: colourOf(system),
  })
  const ratios = own
    .filter(({ ratio }) => Number.isFinite(ratio.median))
    .map((row) => ({
      ...common(row),
      value: row.ratio,
      label: `${formatRatio(row.ratio.median)} · ${formatCount(row.iops.median)}`,
    }))
  const cpu = own.map((row) => ({
    ...common(row),
    value: single(row.machineCpuPerMillion),
    part: row.daemonCpuPerMillion ?? 0,
    label: formatSeconds(row.machineCpuPerMillion),
  }))
  const at = `at depth ${String(depth)}`
  return [
    barChart(`ratio · IOPS, ${at}`, ratios, 1),
    rangeChart(
      `latency, p50 to p99, ${at}`,
      own.map((row) => ({ ...common(row), from: row.p50, to: row.p99 })),
      formatTime,
    ),
    barChart(`CPU seconds per million I/Os, ${at} (dark: daemon)`, cpu),
  ]
}

const patternSection = (pattern: string, rows: readonly SummaryRow[], colourOf: ColourOf): string => {
  const depths = unique(rows.map(({ depth }) => depth))
  const about = patterns.find(({ name }) => name === pattern)?.about ?? ''
  const grid = (charts: readonly string[], kind: string): string =>
    charts.length === 0 ? '' : `<div class="charts ${kind}">${charts.join('\n')}</div>`
  return [
    `<h3>${escapeXml(pattern)} <small>${escapeXml(about)}</small></h3>`,
    grid(depths.length > 1 ? overDepth(rows, colourOf) : [], 'lines'),
    grid(atDepth(rows, Math.max(...depths), colourOf), 'bars'),
  ].join('')
}

const section = (target: TargetName, rows: readonly SummaryRow[], colourOf: ColourOf): string =>
  `<h2>${escapeXml(targetTitle[target])}</h2>${unique(rows.map(({ pattern }) => pattern))
    .map((pattern) =>
      patternSection(
        pattern,
        rows.filter((row) => row.pattern === pattern),
        colourOf,
      ),
    )
    .join('\n')}`

const facts = ({ machine, settings, startedAt, seconds }: Results): string => {
  const items: readonly (readonly [string, string])[] = [
    ['When', `${startedAt.slice(0, 16).replace('T', ' ')} UTC, ${formatDuration(seconds)} in all`],
    ['ringvol', `${machine.ringvol}${machine.commit === null ? '' : ` (${machine.commit})`}`],
    ['Machine', `${machine.cpu}, ${String(machine.cpus)} CPUs, ${formatSize(machine.memory)}`],
    ['Software', `Linux ${machine.kernel}, ${machine.distribution}, Node ${machine.node}, ${machine.fio}`],
    [
      'Rounds',
      `${String(settings.rounds)} interleaved, ${settings.seconds === null ? 'short' : `${String(settings.seconds)} s each`}; ` +
        'a dot or bar is the median, the line through it runs from minimum to maximum',
    ],
  ]
  return `<dl>${items.map(([term, words]) => `<dt>${term}</dt><dd>${escapeXml(words)}</dd>`).join('')}</dl>`
}

const verdict = ({ checks, runs, warnings }: Results): string => {
  const wrong = checks.filter(({ ok }) => !ok)
  const reads = runs.reduce((sum, { checkedReads }) => sum + checkedReads, 0)
  const right = `Data: ${String(reads)} reads checked while others were timed, ${String(checks.length)} checks afterwards, all right.`
  const lines = [
    ...(wrong.length === 0 ? [`<p class="right">${right}</p>`] : []),
    ...unique(wrong.map(({ system }) => system)).map(
      (system) => `<p class="wrong">Wrong data from ${escapeXml(system)}: its figures mean nothing.</p>`,
    ),
    ...warnings.map((warning) => `<p class="doubt">${escapeXml(warning)}</p>`),
  ]
  return lines.join('')
}

export const reportHtml = (results: Results): string => {
  const rows = summarize(results)
  const names = results.systems.filter(({ unavailable }) => unavailable === null).map(({ name }) => name)
  const colourOf: ColourOf = (system) => Math.max(0, names.indexOf(system))
  const legend = names.map(
    (name, index) =>
      `<span${index < 8 ? '' : ' class="again"'}><i style="background:var(--s${String(index % 8)})"></i>${escapeXml(name)}</span>`,
  )
  const sections = unique(rows.map(({ target }) => target)).map((target) =>
    section(
      target,
      rows.filter((row) => row.target === target),
      colourOf,
    ),
  )
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>ringvol benchmark ${escapeXml(results.startedAt)}</title><style>${style}</style></head>
<body><h1>ringvol beside a plain loop device</h1>${facts(results)}${verdict(results)}
<p class="legend">${legend.join('')}</p>
${sections.join('\n')}
<h2>As text</h2><pre>${escapeXml(reportTable(results).join('\n'))}</pre></body></html>
`
}
