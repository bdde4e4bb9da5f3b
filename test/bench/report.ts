/** Reports must say what was measured, and say clearly what was not. */
import t from 'tap'
import { compareResults, compareTable } from '../../bench/report/compare.js'
import { reportHtml } from '../../bench/report/html.js'
import { layoutTable } from '../../bench/report/layout.js'
import { linearTicks, logTicks } from '../../bench/report/svg.js'
import { reportTable } from '../../bench/report/table.js'
import { type Results, type RunRecord } from '../../bench/results.js'
import { summarize } from '../../bench/summary.js'
import { parseArguments } from '../../bench/options.js'

const system = (name: string, more: object = {}) => ({
  name,
  baseline: name === 'plain loop',
  peer: false,
  backend: 'file',
  transport: null,
  reason: null,
  lanes: null,
  directIo: true,
  unavailable: null,
  notes: [],
  peakMemory: null,
  ...more,
})

const timed = (name: string, round: number, depth: number, iops: number): RunRecord => ({
  target: 'raw',
  round,
  pattern: 'rand-read',
  depth,
  system: name,
  iops,
  bytesPerSecond: iops * 4096,
  operations: iops * 3,
  seconds: 3,
  p50: 1e6,
  p99: 4e6,
  daemonCpu: name === 'plain loop' ? null : 1.5,
  machineCpu: 5,
  checkedReads: 300,
})

const command = parseArguments([])
const results = (scale = 1): Results => ({
  schema: 1,
  startedAt: '2025-01-02T03:04:05.000Z',
  seconds: 100,
  settings: command?.command === 'run' ? command.settings : (undefined as never),
  machine: {
    kernel: '6.18',
    distribution: 'Debian',
    cpu: 'CPU',
    cpus: 2,
    memory: 2 ** 34,
    memoryAvailable: 2 ** 33,
    governor: null,
    load: 0,
    node: 'v20',
    fio: 'fio-3.33',
    losetup: 'losetup',
    ringvol: '0.1.0',
    commit: 'abc',
    enableUring: true,
  },
  systems: [
    system('plain loop'),
    system('ringvol uring', { transport: 'uring', reason: 'the kernel offers it', lanes: 1 }),
    system('ringvol passthrough', { unavailable: 'this kernel has no <passthrough>' }),
  ],
  runs: [1, 2, 3].flatMap((round) =>
    [1, 1024].flatMap((depth) => [
      // Rotation: the other system comes first in the second round.
      ...[
        timed('ringvol uring', round, depth, (50_000 + round) * scale),
        timed('plain loop', round, depth, 100_000 + 2 * round),
      ].sort(() => (round === 2 ? 1 : -1)),
    ]),
  ),
  checks: [{ system: 'ringvol uring', target: 'raw', check: 'read area', ok: true, detail: '512M' }],
  warnings: [],
})

t.test('a summary has one row for each system and depth, the baseline first, ratios by round', (t) => {
  t.match(
    summarize(results()).map(({ depth, system, rounds, ratio }) => ({ depth, system, rounds, ratio })),
    [1, 1024].flatMap((depth) => [
      { depth, system: 'plain loop', rounds: 3, ratio: 1 },
      { depth, system: 'ringvol uring', rounds: 3, ratio: 0.5 },
    ]),
  )
  t.equal(summarize(results())[1]?.daemonCpuPerOperation?.toFixed(1), '10.0', 'microseconds')
  t.equal(summarize(results())[0]?.daemonCpuPerOperation, null)
  t.end()
})

t.test('a system that could not run is named with the reason', (t) => {
  t.match(
    reportTable(results()).join('\n'),
    /ringvol passthrough: not available here: this kernel has no <passthrough>/,
  )
  t.end()
})

t.test('the transport that ran, and why, is part of the report', (t) => {
  t.match(reportTable(results()).join('\n'), /ringvol uring: transport uring \(the kernel offers it\), lanes 1/)
  t.end()
})

t.test('wrong data is marked at the figures and named below', (t) => {
  const wrong = { system: 'ringvol uring', target: 'raw', check: 'read area', ok: false, detail: 'bad block' } as const
  const text = reportTable({ ...results(), checks: [wrong] }).join('\n')
  t.match(text, /ringvol uring \(wrong data\) +50k/)
  t.match(text, /WRONG DATA: ringvol uring, raw, read area: bad block/)
  t.notMatch(text, /all right/)
  t.end()
})

t.test('columns line up: words left, figures right', (t) => {
  const table = layoutTable(
    [
      { title: 'a', align: 'left' },
      { title: 'bb', align: 'right' },
    ],
    [['long', '1'], ['x', '1000'], ['a line by itself']],
  )
  t.same(table, ['a       bb', 'long     1', 'x     1000', 'a line by itself'])
  t.end()
})

t.test('a page stands alone: no script, nothing loaded, names escaped, no figure missing', (t) => {
  const page = reportHtml(results())
  t.notMatch(page, /<script|https?:|NaN|undefined/)
  t.match(page, /no &lt;passthrough&gt;/)
  t.equal(page.match(/<svg/g)?.length, 3, 'ratios, IOPS and latency over depth')
  t.end()
})

t.test('ticks enclose what is drawn', (t) => {
  for (const most of [1, 7, 99, 503_000, 1_240_000]) {
    const ticks = linearTicks(most)
    t.ok((ticks.at(-1) ?? 0) >= most && ticks.length <= 8, `${String(most)}: ${ticks.join(' ')}`)
  }
  t.same(logTicks(4200, 2_000_000), [1e3, 1e4, 1e5, 1e6, 1e7])
  t.end()
})

t.test('compare calls a change of the ratio better or worse only when it is larger than the spread', (t) => {
  const better = compareResults(results(), results(1.2)).filter(({ after }) => after.system === 'ringvol uring')
  t.equal(better.length, 2)
  t.ok(better.every(({ change, withinNoise }) => Math.abs(change - 0.2) < 1e-9 && !withinNoise))
  t.ok(compareResults(results(), results()).every(({ change, withinNoise }) => change === 0 && withinNoise))
  t.match(compareTable(results(), results(0.8)).join('\n'), /-20\.0 % +worse/)
  t.end()
})

t.test('files with nothing in common are not compared', (t) => {
  t.match(compareTable(results(), { ...results(), runs: [] }).join(), /nothing|no target.*in common/)
  t.end()
})
