/** The reports of fstests are read as they are written, and every way to be worse than a plain loop device shows. */
import { execFileSync } from 'node:child_process'
import t from 'tap'
import { compareVerdicts, configFor, countVerdicts, readVerdicts, type Verdict } from './results.js'

const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="xfstests" failures="1" skipped="1" tests="3" time="40">
\t<properties>
\t\t<property name="FSTYP" value="ext4"/>
\t</properties>
\t<testcase classname="xfstests.global" name="generic/075" time="12">
\t</testcase>
\t<testcase classname="xfstests.global" name="generic/091" time="3">
\t\t<failure message="- output mismatch (see generic/091.out.bad)" type="TestFail" />
\t</testcase>
\t<testcase classname="xfstests.global" name="generic/112" time="0">
\t\t<skipped message="fsx not built with AIO for this platform" />
\t</testcase>
</testsuite>
`

t.test('a report is read test by test', (t) => {
  const verdicts = readVerdicts(report)
  const expected = { 'generic/075': 'passed', 'generic/091': 'failed', 'generic/112': 'not run' }
  t.strictSame(Object.fromEntries(verdicts), expected)
  t.equal(countVerdicts(verdicts), '1 passed, 1 failed, 1 not run')
  t.throws(() => readVerdicts('<testsuite></testsuite>'), /names no test/)
  t.end()
})

t.test('only what is worse over a volume is a complaint', (t) => {
  const cases: readonly (readonly [Verdict, Verdict, boolean])[] = [
    ['passed', 'passed', false],
    ['failed', 'failed', false],
    ['not run', 'not run', false],
    ['passed', 'failed', false],
    ['failed', 'passed', true],
    ['failed', 'not run', true],
    ['not run', 'passed', true],
    ['passed', 'not run', true],
    ['not run', 'failed', true],
  ]
  for (const [ours, theirs, complains] of cases) {
    const lines = compareVerdicts(new Map([['generic/001', ours]]), new Map([['generic/001', theirs]]))
    t.strictSame(lines, complains ? [`generic/001: ${ours} over ringvol, ${theirs} over a plain loop device`] : [])
  }
  t.match(compareVerdicts(new Map(), new Map([['generic/002', 'passed']])), [/^generic\/002: missing over ringvol/])
  t.end()
})

t.test('the configuration is what a shell reads', (t) => {
  const place = {
    fileSystem: 'xfs',
    testDevice: '/dev/loop1',
    testDirectory: '/mnt/test here',
    scratchDevice: '/dev/loop2',
    scratchDirectory: '/mnt/scratch',
    results: '/tmp/results',
  }
  const script = `${configFor(place)}\necho "$FSTYP|$TEST_DEV|$TEST_DIR|$SCRATCH_DEV|$SCRATCH_MNT|$RESULT_BASE"`
  const said = execFileSync('sh', ['-c', script], { encoding: 'utf8' })
  t.equal(said, 'xfs|/dev/loop1|/mnt/test here|/dev/loop2|/mnt/scratch|/tmp/results\n')
  t.end()
})
