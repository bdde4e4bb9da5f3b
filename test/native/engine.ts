/**
 * The engine without Node, as programs of its own: messages that lie, rings that are asked for too much, bad weather.
 *
 * The programs are those of test/native/engine/, built with AddressSanitizer and UndefinedBehaviorSanitizer; what fails
 * ends them with the reason. `npm run test:fuzz`, `test:tsan` and `test:valgrind` run them for longer.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { attempt } from '../support/process.js'
import { seeded } from '../support/seed.js'
import { buildEngine } from './engine-build.js'

const corpus = fileURLToPath(new URL('engine/corpus/', import.meta.url))
const inputs = readdirSync(corpus).map((name) => join(corpus, name))

t.test('checks of the engine', async (t) => {
  const { code, stdout, stderr } = await attempt(await buildEngine('asan', 'checks'), [], { deadline: 60_000 })
  for (const line of stdout.trimEnd().split('\n')) {
    const [verdict = '', name = ''] = line.split(/ (.*)/)
    t.ok(verdict === 'ok' || verdict === 'skip', name, { skip: verdict === 'skip' && 'this kernel has no such ring' })
  }
  t.equal(code, 0, `after the last check: ${stderr}`)
})

t.test('every message that a kernel has sent, and every input that once was trouble, is taken well', async (t) => {
  const { code, stdout, stderr } = await attempt(await buildEngine('asan', 'replay'), inputs, { deadline: 60_000 })
  t.equal(code, 0, stderr)
  t.equal(stdout, `${String(inputs.length)} inputs\n`)
})

t.test('each thing that can go wrong in a lane, one at a time, is noticed by its request alone', async (t) => {
  const { code, stdout, stderr } = await attempt(await buildEngine('asan', 'sweep'), [], { deadline: 120_000 })
  for (const line of stdout.trimEnd().split('\n')) t.match(line, /^ok .+(: \d+ faults, one at a time|no lane awake)$/)
  t.equal(code, 0, `after the last line: ${stderr}`)
})

t.test('short transfers, EINTR, EAGAIN, EIO, refused answers and a lost device lose nothing else', async (t) => {
  const { seed } = seeded(t)
  const program = await buildEngine('asan', 'random')
  const { code, stdout, stderr } = await attempt(program, [String(seed), '100', '2'], { deadline: 120_000 })
  t.equal(code, 0, stderr)
  t.equal(stdout, '100 rounds\n')
})

const compilers = ['clang++-14', 'clang++']
const clang = (await Promise.all(compilers.map((name) => attempt('sh', ['-c', `command -v ${name}`])))).some(
  ({ code }) => code === 0,
)

t.test('five seconds of any bytes as messages find nothing', { skip: !clang && 'clang++ is missing' }, async (t) => {
  const { seed } = seeded(t)
  const found = mkdtempSync(join(tmpdir(), 'ringvol-fuzz-'))
  t.teardown(() => {
    rmSync(found, { recursive: true })
  })
  const options = [`-seed=${String(seed)}`, '-max_total_time=5', '-max_len=4096', '-timeout=30', '-verbosity=0']
  const places = [`-artifact_prefix=${found}/`, found, corpus]
  const { code, stderr } = await attempt(await buildEngine('fuzz', 'fuzz'), [...options, ...places], {
    deadline: 90_000,
  })
  t.equal(code, 0, stderr.slice(-4000))
})
