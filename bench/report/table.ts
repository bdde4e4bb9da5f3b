/**
 * The result as text, for a terminal: a table for each target, then what ran, what was verified, what to know.
 */
import { formatSize } from '../../src/units.js'
import { formatCount, formatRatio, formatSeconds, formatTime } from '../format.js'
import { type Settings } from '../options.js'
import { type TargetName } from '../plan.js'
import { type CheckRecord, type Results, type SoakRecord, type SystemRecord } from '../results.js'
import { summarizeSoak } from '../soak-summary.js'
import { summarize, type SummaryRow } from '../summary.js'
import { type Medium } from '../system.js'
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
  { title: 'min–max', align: 'right' },
  { title: 'p50', align: 'right' },
  { title: 'p99', align: 'right' },
  { title: 'CPU s/M daemon', align: 'right' },
  { title: 'machine', align: 'right' },
]

const cells = (row: SummaryRow, first: boolean): string[] => [
  first ? row.pattern : '',
  first ? String(row.depth) : '',
  row.system,
  formatCount(row.iops.median),
  row.rounds < 2 ? '–' : `${formatCount(row.iops.min)}–${formatCount(row.iops.max)}`,
  formatRatio(row.ratio.median),
  row.ratios.length < 2 ? '–' : `${formatRatio(row.ratio.min)}–${formatRatio(row.ratio.max)}`,
  formatTime(row.p50),
  formatTime(row.p99),
  row.daemonCpuPerMillion === null ? '–' : formatSeconds(row.daemonCpuPerMillion),
  formatSeconds(row.machineCpuPerMillion),
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

const soakColumns: readonly Column[] = [
  { title: 'system', align: 'left' },
  ...['depth', 'minutes', 'I/Os', 'IOPS', 'RSS settled', 'end', 'peak', 'KiB/min', 'fds', 'threads'].map(
    (title): Column => ({ title, align: 'right' }),
  ),
  { title: '', align: 'left' },
]

const soakCells = ({ system, depth, minutes, operations, iops, samples }: SoakRecord): string[] => {
  const { settled, end, peak, slope, descriptors, threads, grew } = summarizeSoak(samples)
  const size = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)}M`
  return [
    system,
    String(depth),
    String(minutes),
    formatCount(operations),
    formatCount(iops),
    ...[settled, end, peak].map(size),
    (slope / 1024).toFixed(1),
    descriptors.join('–'),
    threads.join('–'),
    grew ? 'GREW' : 'steady',
  ]
}

const soakLines = (soaks: readonly SoakRecord[]): string[] =>
  soaks.length === 0 ? [] : ['', 'one load for minutes (soak)', ...layoutTable(soakColumns, soaks.map(soakCells))]

const featureWords = ({ features }: SystemRecord): string[] =>
  features === undefined || features === null
    ? []
    : [
        `ring ${features.used.join(' ') || 'none'}`,
        ...(features.missing.length === 0 ? [] : [`without ${features.missing.join(' ')}`]),
      ]

/** What a reader cannot tell from the name. */
const mediumWords: Readonly<Record<Medium, string>> = {
  tmpfs: 'image on tmpfs',
  ext4: 'image on ext4 on a loop device over a file on tmpfs',
  image: 'image given with --image',
  memory: 'blocks in its own memory',
  nothing: 'holds no data',
}

const systemLine = (system: SystemRecord): string => {
  if (system.unavailable !== null) return `  ${system.name}: not available here: ${system.unavailable}`
  const facts = [
    ...(system.medium === undefined ? [] : [mediumWords[system.medium]]),
    ...(system.transport === null
      ? []
      : [`transport ${system.transport}${system.reason === null ? '' : ` (${system.reason})`}`]),
    ...(system.lanes === null ? [] : [`lanes ${String(system.lanes)}`]),
    ...(system.options === undefined || system.options === null ? [] : [`options ${system.options}`]),
    ...featureWords(system),
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

const roundsLine = ({ rounds, seconds }: Settings): string =>
  `${String(rounds)} interleaved round${rounds === 1 ? '' : 's'}, ` +
  `${seconds === null ? 'short runs' : `${String(seconds)} s each`}; ` +
  'IOPS are medians, ratios are to the plain loop device in the same round'

/** Lines. */
export const reportTable = (results: Results): string[] => {
  const { machine, settings } = results
  const { soaks = [], fio = {} } = results
  const rows = summarize(results)
  const commands = Object.entries(fio).map(([pattern, options]) => `  ${pattern}: ${options}`)
  const wrong = new Set(results.checks.filter(({ ok }) => !ok).map(({ system }) => system))
  return [
    `ringvol ${machine.ringvol}${machine.commit === null ? '' : ` (${machine.commit})`}, ${results.startedAt}`,
    `${machine.cpu}, ${String(machine.cpus)} CPUs, ${formatSize(machine.memory)}, Linux ${machine.kernel}, ${machine.distribution}, Node ${machine.node}, ${machine.fio}`,
    ...(soaks.length > 0 ? [] : [roundsLine(settings)]),
    ...settings.targets.flatMap((target) => {
      const own = rows.filter((row) => row.target === target)
      return own.length === 0 ? [] : ['', targetTitle[target], ...targetTable(own, wrong)]
    }),
    ...soakLines(soaks),
    ...(commands.length === 0 ? [] : ['', 'fio', ...commands]),
    '',
    'systems',
    ...results.systems.map(systemLine),
    '',
    'data',
    ...checkLines(
      results.checks,
      [...results.runs, ...soaks].reduce((sum, { checkedReads }) => sum + checkedReads, 0),
    ),
    ...(results.warnings.length === 0 ? [] : ['', 'to know', ...results.warnings.map((warning) => `  ${warning}`)]),
  ]
}
