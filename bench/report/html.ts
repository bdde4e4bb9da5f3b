/**
 * The result as one page that needs nothing else: the charts, then the same text as on the terminal.
 */
import { formatCount, formatRatio, formatTime } from '../format.js'
import { type TargetName } from '../plan.js'
import { type Results } from '../results.js'
import { summarize, type SummaryRow } from '../summary.js'
import { barChart, escapeXml, lineChart, type Series } from './svg.js'
import { reportTable, targetTitle } from './table.js'

/** Told apart by people who do not tell red from green, on white and on black. */
const style = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1c2024;--soft:#8b8d98;--rule:#d9d9e0;
--s0:#60646c;--s1:#0072b2;--s2:#d55e00;--s3:#009e73;--s4:#cc79a7;--s5:#e69f00;--s6:#56b4e9;--s7:#8e4ec6}
@media(prefers-color-scheme:dark){:root{--bg:#111113;--fg:#edeef0;--soft:#7c7f88;--rule:#363a3f;
--s0:#b0b4ba;--s1:#4aa8e0;--s2:#f07f3c;--s3:#2fc79a;--s7:#b48cf0}}
body{background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif;
max-width:1440px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(380px,1fr));gap:1rem}
svg{width:100%;height:auto}svg text{font-size:11px;fill:var(--fg)}svg .title{font-size:13px;font-weight:600}
.grid{stroke:var(--rule);fill:none}.line{fill:none;stroke-width:2}
.legend span{display:inline-block;margin-right:1.2rem}
.legend i{display:inline-block;width:.8rem;height:.8rem;margin-right:.4rem}
pre{overflow-x:auto;font-size:13px;border-top:1px solid var(--rule);padding-top:1rem}`

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)]

type ColourOf = (system: string) => number

/** One line for each system over the depths. */
const seriesOf = (
  rows: readonly SummaryRow[],
  colourOf: ColourOf,
  value: (row: SummaryRow) => number,
  suffix = '',
  dashed = false,
): Series[] =>
  unique(rows.map(({ system }) => system)).map((system) => ({
    name: `${system}${suffix}`,
    colour: colourOf(system),
    dashed,
    points: rows.filter((row) => row.system === system).map((row) => ({ x: row.depth, y: value(row) })),
  }))

const overDepth = (pattern: string, rows: readonly SummaryRow[], colourOf: ColourOf): string[] => [
  lineChart({
    title: `${pattern}: IOPS by depth`,
    series: seriesOf(rows, colourOf, (row) => row.iops.median),
    format: formatCount,
    scale: 'linear',
  }),
  lineChart({
    title: `${pattern}: latency by depth, p50 and p99 (dashed)`,
    series: [
      ...seriesOf(rows, colourOf, (row) => row.p50, ' p50'),
      ...seriesOf(rows, colourOf, (row) => row.p99, ' p99', true),
    ],
    format: formatTime,
    scale: 'log',
  }),
]

const ratios = (pattern: string, rows: readonly SummaryRow[], colourOf: ColourOf): string => {
  const deepest = Math.max(...rows.map(({ depth }) => depth))
  const bars = rows
    .filter(({ depth, ratio }) => depth === deepest && Number.isFinite(ratio.median))
    .map(({ system, ratio, iops }) => ({
      name: system,
      colour: colourOf(system),
      value: ratio.median,
      label: `${formatRatio(ratio.median)} · ${formatCount(iops.median)}`,
    }))
  return barChart(`${pattern}, depth ${String(deepest)}: ratio to the plain loop device`, bars)
}

const section = (target: TargetName, rows: readonly SummaryRow[], colourOf: ColourOf): string => {
  const charts = unique(rows.map(({ pattern }) => pattern)).flatMap((pattern) => {
    const own = rows.filter((row) => row.pattern === pattern)
    const depths = unique(own.map(({ depth }) => depth)).length
    return [ratios(pattern, own, colourOf), ...(depths > 1 ? overDepth(pattern, own, colourOf) : [])]
  })
  return `<h2>${escapeXml(targetTitle[target])}</h2><div class="charts">${charts.join('\n')}</div>`
}

export const reportHtml = (results: Results): string => {
  const rows = summarize(results)
  const names = results.systems.filter(({ unavailable }) => unavailable === null).map(({ name }) => name)
  const colourOf: ColourOf = (system) => Math.max(0, names.indexOf(system))
  const legend = names.map(
    (name, index) => `<span><i style="background:var(--s${String(index % 8)})"></i>${escapeXml(name)}</span>`,
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
<body><h1>ringvol benchmark</h1><p class="legend">${legend.join('')}</p>
${sections.join('\n')}
<pre>${escapeXml(reportTable(results).join('\n'))}</pre></body></html>
`
}
