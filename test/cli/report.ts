/** An error is one line and an exit status; tables line up. */
import { pino } from 'pino'
import t from 'tap'
import { formatFindings } from '../../src/cli/commands/doctor.js'
import { exitCodeOf, lineOf, reportError } from '../../src/cli/report.js'
import { formatTable } from '../../src/cli/table.js'
import { RingvolError } from '../../src/errors.js'
import { Interrupted } from '../../src/host/signals.js'

t.test('the exit status says what kind of failure it was', (t) => {
  t.equal(exitCodeOf(new RingvolError('ERR_USAGE', 'x')), 2)
  t.equal(exitCodeOf(new RingvolError('ERR_LOOP', 'x')), 1)
  t.equal(exitCodeOf(new RingvolError('ERR_TRANSPORT', 'x')), 3)
  t.equal(exitCodeOf(new Interrupted('SIGTERM')), 143)
  t.equal(exitCodeOf(new Interrupted('SIGINT')), 130)
  t.equal(exitCodeOf(new TypeError('x')), 1)
  t.end()
})

t.test('whatever was thrown becomes one line', (t) => {
  t.equal(lineOf(new RingvolError('ERR_LOOP', 'a\n  b', { advice: 'c' })), 'a b; c')
  t.equal(lineOf(new TypeError('x is not a function')), 'internal error: x is not a function')
  t.equal(lineOf('thrown text'), 'internal error: thrown text')
  t.end()
})

t.test('text for people, JSON with the code if it was asked for, and the stack only for debugging', (t) => {
  const lines: string[] = []
  const written: string[] = []
  const report = (json: boolean, level: string): void => {
    const logger = pino({ level }, { write: (line: string) => void lines.push(line) })
    reportError(new RingvolError('ERR_LOOP', 'no', { cause: new Error('inner') }), {
      logger,
      json,
      write: (text) => void written.push(text),
    })
  }
  report(false, 'info')
  t.strictSame(written, ['ringvol: no\n'])
  t.strictSame(lines, [])
  report(true, 'info')
  t.match(lines, [/"level":50.*"code":"ERR_LOOP".*"msg":"no"/])
  report(false, 'debug')
  t.equal(lines.filter((line) => line.includes('"level":20')).length, 2, 'the error and its cause')
  t.end()
})

t.test('columns line up and nothing trails', (t) => {
  t.equal(
    formatTable([
      ['A', 'LONG'],
      ['longer', 'x'],
      ['b', ''],
    ]),
    'A       LONG\nlonger  x\nb\n',
  )
  t.equal(formatTable([]), '')
  t.equal(formatTable(Array.from({ length: 200_000 }, () => ['x'])).length, 400_000, 'a long recording has many rows')
  t.end()
})

t.test('doctor shows the table, and below it cost and advice for what is not ok', (t) => {
  const fixable = false
  const text = formatFindings([
    { name: 'FUSE', state: 'ok', found: 'yes', fixable },
    { name: 'I/O flusher', state: 'degraded', found: 'EPERM', cost: 'stalls', advice: 'CAP_SYS_RESOURCE', fixable },
  ])
  t.matchSnapshot(text)
  t.end()
})
