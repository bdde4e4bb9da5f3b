/** A soak that called every daemon steady, or a breathing heap a leak, would be worth nothing. */
import { closeSync, openSync } from 'node:fs'
import t from 'tap'
import { readUsage, type Usage } from '../../bench/meter.js'
import { reportTable } from '../../bench/report/table.js'
import { type Results } from '../../bench/results.js'
import { summarizeSoak } from '../../bench/soak-summary.js'

const MiB = 1024 ** 2

/** Ten minutes, a sample each second. */
const samples = (more: (seconds: number) => Partial<Usage>): Usage[] =>
  Array.from({ length: 600 }, (_, seconds) => ({
    seconds,
    resident: 100 * MiB,
    descriptors: 20,
    threads: 11,
    ...more(seconds),
  }))

t.test('a daemon that takes its memory at the start and then breathes is steady', (t) => {
  const summary = summarizeSoak(
    samples((seconds) => ({ resident: (seconds < 60 ? 40 + seconds : 100 + (seconds % 7) / 5) * MiB })),
  )
  t.match(summary, { grew: false, peak: 101.2 * MiB })
  t.ok(Math.abs(summary.slope) < 0.02 * MiB, `slope ${String(summary.slope)}`)
  t.end()
})

t.test('a leak of a MiB a minute is seen in ten minutes, with its slope', (t) => {
  const summary = summarizeSoak(samples((seconds) => ({ resident: (100 + seconds / 60) * MiB })))
  t.equal(summary.grew, true)
  t.ok(Math.abs(summary.slope / MiB - 1) < 1e-6)
  t.ok(summary.settled < 104 * MiB && summary.end > 108 * MiB)
  t.end()
})

t.test('one step is growth but no slope', (t) => {
  const summary = summarizeSoak(samples((seconds) => ({ resident: (seconds < 590 ? 100 : 200) * MiB })))
  t.equal(summary.slope, 0)
  t.equal(summary.peak, 200 * MiB)
  t.equal(summary.grew, false, 'ten seconds of ten minutes are not where it stays')
  t.equal(summarizeSoak(samples((s) => ({ resident: (s < 400 ? 100 : 200) * MiB }))).grew, true)
  t.end()
})

t.test('one descriptor or one thread more at the end is growth', (t) => {
  t.equal(summarizeSoak(samples((seconds) => ({ descriptors: seconds < 300 ? 20 : 21 }))).grew, true)
  t.equal(summarizeSoak(samples((seconds) => ({ threads: seconds < 300 ? 11 : 12 }))).grew, true)
  t.equal(summarizeSoak(samples(() => ({}))).grew, false)
  t.end()
})

t.test('what a process holds is read from it: a descriptor more is one more', (t) => {
  const before = readUsage([process.pid], 0)
  const fd = openSync('/dev/null', 'r')
  const after = readUsage([process.pid], 1)
  closeSync(fd)
  t.equal(after.descriptors, before.descriptors + 1)
  t.ok(before.resident > 10 * MiB && before.threads > 1)
  t.match(readUsage([], 3), { seconds: 3, resident: 0, descriptors: 0, threads: 0 })
  t.end()
})

t.test('a soak stands in the report with its verdict', (t) => {
  const soaked = { minutes: 10, depth: 1024, iops: 200_000, operations: 120e6, checkedReads: 60_000 }
  const results = {
    startedAt: '2025-01-02T03:04:05.000Z',
    settings: { rounds: 5, seconds: 3, targets: [] },
    machine: { ringvol: '0.1.0', commit: null, cpu: 'CPU', cpus: 2, memory: 2 ** 34, kernel: '6', distribution: 'D' },
    systems: [],
    runs: [],
    checks: [],
    warnings: [],
    soaks: [
      { ...soaked, system: 'ringvol uring', samples: samples(() => ({})) },
      { ...soaked, system: 'ringvol leaky', samples: samples((s) => ({ resident: (100 + s) * MiB })) },
    ],
  } as unknown as Results
  const text = reportTable(results).join('\n')
  t.match(text, /ringvol uring +1024 +10 +120M +200k +100\.0M +100\.0M +100\.0M +0\.0 +20–20 +11–11 +steady/)
  t.match(text, /ringvol leaky .*61440\.0 .*GREW/)
  t.match(text, /120000 reads checked while others were timed, all right/)
  t.end()
})
