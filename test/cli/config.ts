/** Options from a file and from the environment: the same names, the same values, mistakes named. */
import { chmodSync, chownSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fromEnvironment, parseConfig, readConfig, variableOf } from '../../src/cli/config.js'

const root = process.geteuid?.() === 0

t.test('variables are named after options, and others are left alone', (t) => {
  t.equal(variableOf('queue-depth'), 'RINGVOL_QUEUE_DEPTH')
  const environment = {
    RINGVOL_QUEUE_DEPTH: '32',
    RINGVOL_READ_ONLY: '1',
    RINGVOL_DIRECT: 'no',
    RINGVOL_LAYER: 'delay:ms=1 log',
    RINGVOL_SIZE: '',
    RINGVOL_RUN: '/x',
    RINGVOL_DEVICE: '/dev/loop1',
    RINGVOL_TRANPORT: 'uring',
    RINGVOL_CONFIG: '/x',
    RINGVOL_FIX: '1',
  }
  t.strictSame(fromEnvironment(environment), {
    'read-only': true,
    'queue-depth': '32',
    direct: false,
    layer: ['delay:ms=1', 'log'],
  })
  t.throws(() => fromEnvironment({ RINGVOL_DIRECT: 'maybe' }), { code: 'ERR_USAGE' })
  t.end()
})

t.test('a file has keys as on the command line; numbers may be numbers', (t) => {
  const text = '{ "transport": "uring", "read-only": true, "lanes": 2, "layer": ["log"] }'
  t.strictSame(parseConfig('f', text), { transport: 'uring', 'read-only': true, lanes: '2', layer: ['log'] })
  t.end()
})

t.test('what cannot be meant is refused with the nearest name or the wanted form', (t) => {
  const cases: [string, RegExp][] = [
    ['{', /not JSON/],
    ['[]', /does not hold an object/],
    ['{ "tranport": "x" }', /unknown option 'tranport'; did you mean 'transport'\?/],
    ['{ "config": "x" }', /unknown option 'config'/],
    ['{ "__proto__": 1 }', /unknown option/],
    ['{ "direct": "yes" }', /'direct' is "yes"; write true or false/],
    ['{ "layer": "log" }', /write a list of strings/],
    ['{ "lanes": true }', /write a string or a number/],
  ]
  for (const [text, message] of cases) t.throws(() => parseConfig('f', text), { code: 'ERR_USAGE', message }, text)
  t.end()
})

t.test('a file that is missing, or that others may write when root reads it, is refused', (t) => {
  const directory = t.testdir({})
  t.throws(() => readConfig(join(directory, 'none')), { code: 'ERR_USAGE', message: /ENOENT/ })
  const path = join(directory, 'config.json')
  writeFileSync(path, '{ "direct": true }')
  chmodSync(path, 0o644)
  t.strictSame(readConfig(path), { direct: true })
  chmodSync(path, 0o666)
  if (process.geteuid?.() === 0) t.throws(() => readConfig(path), { message: /may be written by others; run 'chmod/ })
  else t.strictSame(readConfig(path), { direct: true })
  t.end()
})

t.test(
  "root does not read somebody else's file, unless that is who ran it with sudo",
  { skip: !root && 'needs root' },
  (t) => {
    const directory = t.testdir({})
    const path = join(directory, 'config.json')
    writeFileSync(path, '{ "direct": true }', { mode: 0o644 })
    chownSync(path, 1234, 0)
    t.throws(() => readConfig(path), { code: 'ERR_USAGE', message: /belongs to user 1234; run 'chown root/ })
    const before = process.env['SUDO_UID']
    process.env['SUDO_UID'] = '1234'
    t.strictSame(readConfig(path), { direct: true })
    if (before === undefined) delete process.env['SUDO_UID']
    else process.env['SUDO_UID'] = before
    t.end()
  },
)

t.test('so is one in a directory where others may put another in its place', (t) => {
  const directory = t.testdir({})
  const path = join(directory, 'config.json')
  writeFileSync(path, '{ "direct": true }', { mode: 0o644 })
  const link = join(t.testdirName, '..', `${process.pid.toString()}.json`)
  symlinkSync(path, link)
  t.teardown(() => {
    unlinkSync(link)
  })
  chmodSync(directory, 0o777)
  for (const name of [path, link]) {
    if (process.geteuid?.() === 0) t.throws(() => readConfig(name), { message: /lies in .*may be written by others/ })
    else t.strictSame(readConfig(name), { direct: true })
  }
  chmodSync(directory, 0o1777)
  t.strictSame(readConfig(path), { direct: true }, 'not where only the owner of a file may replace it')
  t.end()
})
