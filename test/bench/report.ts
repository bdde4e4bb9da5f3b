/** Reports must say what was measured, and say clearly what was not. */
import t from 'tap'
import { compareResults, compareTable, type Comparison } from '../../bench/report/compare.js'
import { reportHtml } from '../../bench/report/html.js'
import { layoutTable } from '../../bench/report/layout.js'
import { barChart, linearTicks, lineChart, logTicks } from '../../bench/report/svg.js'
import { reportTable } from '../../bench/report/table.js'
import { type Results, type RunRecord } from '../../bench/results.js'
import { summarize } from '../../bench/summary.js'
import { disturbed, doubts } from '../../bench/doubts.js'
import { parseArguments } from '../../bench/options.js'

const system = (name: string, more: object = {}) => ({
  name,
  baseline: name.startsWith('plain loop'),
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
const results = (scale = 1, rounds = [1, 2, 3, 4, 5]): Results => ({
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
  runs: rounds.flatMap((round) =>
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

t.test('CPUs that halt at once are a doubt about small depths, and about no others', (t) => {
  const { machine, settings } = results()
  const told = (haltPoll: number | null, depths: number[]): boolean =>
    doubts({ ...machine, haltPoll }, { ...settings, depths }).some((doubt) => doubt.includes('halt at once'))
  t.equal(told(0, [1, 1024]), true)
  t.equal(told(0, [1024]), false)
  t.equal(told(200_000, [1]), false)
  t.equal(told(null, [1]), false)
  t.end()
})

t.test('a summary has one row for each system and depth, the baseline first, ratios by round', (t) => {
  t.match(
    summarize(results()).map(({ depth, system, rounds, ratio }) => ({ depth, system, rounds, ratio })),
    [1, 1024].flatMap((depth) => [
      { depth, system: 'plain loop', rounds: 5, ratio: { median: 1 } },
      { depth, system: 'ringvol uring', rounds: 5, ratio: { median: 0.5 } },
    ]),
  )
  t.equal(summarize(results())[1]?.daemonCpuPerMillion?.toFixed(1), '10.0', 'seconds')
  t.equal(summarize(results())[0]?.daemonCpuPerMillion, null)
  t.equal(summarize(results())[0]?.machineCpuPerMillion.toFixed(1), '16.7')
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
  t.equal(page.match(/<svg/g)?.length, 7, 'four charts over depth, three at the deepest')
  t.match(page, /rand-read <small>4 KiB, anywhere/)
  t.match(page, /reads checked while others were timed.*all right/)
  t.end()
})

t.test('the spread of a figure is drawn where there is one, and said to the pointer', (t) => {
  const y = { median: 10, min: 8, max: 14 }
  const chart = (value: typeof y): string =>
    lineChart({
      title: 'IOPS',
      format: String,
      scale: 'linear',
      series: [{ name: 'uring', colour: 1, points: [{ x: 32, y: value }] }],
    })
  t.match(chart(y), /uring, depth 32: 10 \(8 to 14\)/)
  t.notMatch(chart({ median: 10, min: 10, max: 10 }), / to /)
  t.match(barChart('ratio', [{ name: 'uring', colour: 1, value: y, label: '10' }], 1), /class="spread"/)
  t.notMatch(barChart('ratio', [{ name: 'uring', colour: 1, value: { ...y, min: 10, max: 10 }, label: '' }]), /spread/)
  t.end()
})

t.test('depth has a logarithmic axis: twice the depth is always the same way to go', (t) => {
  const points = [1, 2, 4, 1024].map((x) => ({ x, y: { median: 1, min: 1, max: 1 } }))
  const svg = lineChart({ title: '', format: String, scale: 'linear', series: [{ name: 'a', colour: 0, points }] })
  const [one = 0, two = 0, four = 0, last = 0] = [...svg.matchAll(/<circle cx="([\d.]+)"/g)].map(([, x]) => Number(x))
  t.ok(Math.abs(two - one - (four - two)) < 0.3 && Math.abs(last - one - 10 * (two - one)) < 1)
  t.end()
})

t.test('a page says of which system the data was wrong', (t) => {
  const wrong = { system: 'ringvol uring', target: 'raw', check: 'read area', ok: false, detail: 'bad block' } as const
  const page = reportHtml({ ...results(), checks: [wrong] })
  t.match(page, /Wrong data from ringvol uring/)
  t.notMatch(page, /class="right"/)
  t.end()
})

t.test('ticks enclose what is drawn', (t) => {
  for (const most of [1, 7, 99, 503_000, 1_240_000]) {
    const ticks = linearTicks(most)
    t.ok((ticks.at(-1) ?? 0) >= most && ticks.length <= 8, `${String(most)}: ${ticks.join(' ')}`)
  }
  t.same(logTicks(4200, 2_000_000), [2000, 1e4, 1e5, 2e6])
  t.same(logTicks(4200, 90_000), [2000, 5000, 1e4, 2e4, 5e4, 1e5])
  t.same(logTicks(5000, 5000), [5000, 1e4], 'one value has an axis too')
  for (const [least, most] of [
    [3, 7],
    [1, 1e6],
    [999, 1001],
  ] as const) {
    const ticks = logTicks(least, most)
    t.ok((ticks[0] ?? Infinity) <= least && (ticks.at(-1) ?? 0) >= most, `${String(least)} to ${String(most)}`)
  }
  t.end()
})

t.test('compare calls a change of the ratio better or worse only when chance hardly makes one as large', (t) => {
  const own = (before: Results, after: Results): Comparison[] =>
    compareResults(before, after).filter(({ after: row }) => row.system === 'ringvol uring')
  const better = own(results(), results(1.2))
  t.equal(better.length, 2)
  t.ok(better.every(({ change, verdict }) => Math.abs(change - 0.2) < 1e-9 && verdict === 'better'))
  t.ok(own(results(), results()).every(({ change, verdict }) => change === 0 && verdict === 'within noise'))
  t.match(compareTable(results(), results(0.8)).join('\n'), /-20\.0 % +0\.008 +worse/)
  t.end()
})

t.test('compare calls nothing better whose data came back wrong', (t) => {
  const fast = results(1.2)
  const checks = [
    ...fast.checks,
    { system: 'ringvol uring', target: 'raw', check: 'read area', ok: false, detail: '' } as const,
  ]
  const compared = compareResults(results(), { ...fast, checks })
  const verdicts = (name: string) => compared.filter(({ after }) => after.system === name).map(({ verdict }) => verdict)
  t.strictSame(verdicts('ringvol uring'), ['wrong data', 'wrong data'])
  t.notOk(verdicts('plain loop').includes('wrong data'))
  t.end()
})

t.test('compare calls nothing better that three rounds cannot show', (t) => {
  const few = [1, 2, 3]
  t.ok(
    compareResults(results(1, few), results(1.2, few))
      .filter(({ after }) => after.system === 'ringvol uring')
      .every(({ verdict }) => verdict === 'too few rounds'),
  )
  t.end()
})

t.test('an image on ext4 is compared with the plain loop device on ext4, memory with the first one', (t) => {
  const systems = [
    system('plain loop', { medium: 'tmpfs' }),
    system('plain loop ext4', { medium: 'ext4' }),
    system('ringvol uring ext4', { medium: 'ext4' }),
    system('ringvol uring memory', { medium: 'memory' }),
  ]
  const runs = systems.map(({ name }, index) => timed(name, 1, 32, [1000, 400, 200, 500][index] ?? 0))
  t.same(
    summarize({ systems, runs }).map(({ ratio }) => ratio.median),
    [1, 1, 0.5, 0.5],
  )
  t.end()
})

t.test('the options of fio and of attach, and what the ring has, stand in the report', (t) => {
  const features = { used: ['defer-taskrun'], missing: ['ring-fd'] }
  const text = reportTable({
    ...results(),
    systems: [system('plain loop'), system('ringvol uring', { options: '--transport uring', features })],
    fio: { 'rand-read': '--rw=randread --iodepth=1024' },
  }).join('\n')
  t.match(text, /rand-read: --rw=randread --iodepth=1024/)
  t.match(text, /options --transport uring, ring defer-taskrun, without ring-fd/)
  t.end()
})

t.test('runs in which something else used the CPUs are counted and said', (t) => {
  const run = { ...timed('plain loop', 1, 1, 1000), wall: 3 }
  t.same(disturbed([{ ...run, foreignCpu: 0.1, stolenCpu: 0.1 }], 2), [])
  t.match(disturbed([run, { ...run, foreignCpu: 0.3, stolenCpu: 0.3 }], 2), [/more than 5 % .* 1 of 2 .* 10 % in/])
  t.end()
})

t.test('files with nothing in common are not compared', (t) => {
  t.match(compareTable(results(), { ...results(), runs: [] }).join(), /nothing|no target.*in common/)
  t.end()
})
