/**
 * The result as text, for a terminal: a table for each target, then what ran, what was verified, what to know.
 */
import { formatSize } from '../../src/units.js'
import { formatCount, formatRatio, formatTime } from '../format.js'
import { type TargetName } from '../plan.js'
import { type CheckRecord, type Results, type SystemRecord } from '../results.js'
import { summarize, type SummaryRow } from '../summary.js'
import { type Column, layoutTable } from './layout.js'

export const targetTitle: Readonly<Record<TargetName, string>> = {
  raw: 'the loop device itself (raw)',
  volume: 'the file below the loop device (volume)',
  file: 'a file on ext4 on the loop device (file)',
}

const columns: readonly Column[] = [
  { title: 'pattern', align: 'left' },
  { title: 'depth', align: 'right' },
  { title: 'system', align: 'left' },
  { title: 'IOPS', align: 'right' },
  { title: 'min–max', align: 'right' },
  { title: 'ratio', align: 'right' },
  { title: 'p50', align: 'right' },
  { title: 'p99', align: 'right' },
  { title: 'daemon CPU/op', align: 'right' },
]

const cells = (row: SummaryRow, first: boolean): string[] => [
  first ? row.pattern : '',
  first ? String(row.depth) : '',
  row.system,
  formatCount(row.iops.median),
  row.rounds < 2 ? '–' : `${formatCount(row.iops.min)}–${formatCount(row.iops.max)}`,
  formatRatio(row.ratio),
  formatTime(row.p50),
  formatTime(row.p99),
  row.daemonCpuPerOperation === null ? '–' : formatTime(row.daemonCpuPerOperation * 1000),
]

/** Systems in `wrong` are marked: a fast figure for wrong data is no figure. */
const targetTable = (rows: readonly SummaryRow[], wrong: ReadonlySet<string>): string[] => {
  const lines = rows.map((row, index) => {
    const before = rows[index - 1]
    const system = wrong.has(row.system) ? `${row.system} (wrong data)` : row.system
    return cells({ ...row, system }, before?.pattern !== row.pattern || before.depth !== row.depth)
  })
  return layoutTable(columns, lines)
}

const systemLine = (system: SystemRecord): string => {
  if (system.unavailable !== null) return `  ${system.name}: not available here: ${system.unavailable}`
  const facts = [
    ...(system.transport === null
      ? []
      : [`transport ${system.transport}${system.reason === null ? '' : ` (${system.reason})`}`]),
    ...(system.lanes === null ? [] : [`lanes ${String(system.lanes)}`]),
    `direct I/O ${system.directIo === true ? 'on' : 'off'}`,
    ...(system.peakMemory === null ? [] : [`peak memory ${formatSize(system.peakMemory)}`]),
    ...system.notes,
  ]
  return `  ${system.name}: ${facts.join(', ')}`
}

const checkLines = (checks: readonly CheckRecord[], checkedReads: number): string[] => {
  const wrong = checks.filter(({ ok }) => !ok)
  const unchecked = checks.filter(({ check }) => check === 'data').map(({ system, detail }) => `  ${system}: ${detail}`)
  const passed = new Map<string, number>()
  for (const { check, ok } of checks) if (ok && check !== 'data') passed.set(check, (passed.get(check) ?? 0) + 1)
  return [
    `  ${String(checkedReads)} reads checked while others were timed${wrong.length === 0 ? ', all right' : ''}`,
    ...[...passed].map(([check, count]) => `  ${check}: ${String(count)} right`),
    ...[...new Set(unchecked)],
    ...wrong.map(({ system, target, check, detail }) => `  WRONG DATA: ${system}, ${target}, ${check}: ${detail}`),
  ]
}

/** Lines. */
export const reportTable = (results: Results): string[] => {
  const { machine, settings } = results
  const rows = summarize(results)
  const wrong = new Set(results.checks.filter(({ ok }) => !ok).map(({ system }) => system))
  const seconds = settings.seconds === null ? 'short runs' : `${String(settings.seconds)} s each`
  return [
    `ringvol ${machine.ringvol}${machine.commit === null ? '' : ` (${machine.commit})`}, ${results.startedAt}`,
    `${machine.cpu}, ${String(machine.cpus)} CPUs, ${formatSize(machine.memory)}, Linux ${machine.kernel}, ${machine.distribution}, Node ${machine.node}, ${machine.fio}`,
    `${String(settings.rounds)} interleaved round${settings.rounds === 1 ? '' : 's'}, ${seconds}; IOPS are medians, ratios are to the plain loop device in the same round`,
    ...settings.targets.flatMap((target) => {
      const own = rows.filter((row) => row.target === target)
      return own.length === 0 ? [] : ['', targetTitle[target], ...targetTable(own, wrong)]
    }),
    '',
    'systems',
    ...results.systems.map(systemLine),
    '',
    'data',
    ...checkLines(
      results.checks,
      results.runs.reduce((sum, run) => sum + run.checkedReads, 0),
    ),
    ...(results.warnings.length === 0 ? [] : ['', 'to know', ...results.warnings.map((warning) => `  ${warning}`)]),
  ]
}
