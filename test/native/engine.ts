/**
 * The engine without Node, as a program of its own: what arrives there may lie, and rings may be asked for too much.
 *
 * The program is test/native/engine/checks.cc, built with AddressSanitizer and UndefinedBehaviorSanitizer; a check that
 * fails ends it with the reason.
 */
import t from 'tap'
import { buildEngine } from './engine-build.js'
import { attempt } from '../support/process.js'

t.test('checks of the engine', async (t) => {
  const { code, stdout, stderr } = await attempt(await buildEngine('asan', 'checks'), [], { deadline: 60_000 })
  for (const line of stdout.trimEnd().split('\n')) {
    const [verdict = '', name = ''] = line.split(/ (.*)/)
    t.ok(verdict === 'ok' || verdict === 'skip', name, { skip: verdict === 'skip' && 'this kernel has no such ring' })
  }
  t.equal(code, 0, `after the last check: ${stderr}`)
})
