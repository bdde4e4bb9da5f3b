/**
 * The order of scenarios and the words of the report. That whole runs end as they should: test/fault/torture.ts.
 */
import t from 'tap'
import { randomFrom } from '../../support/seed.js'
import type { Scenario } from '../scenario.js'
import { deal, loadScenarios, pairs } from './deck.js'
import { kindOf, summary } from './report.js'

const scenario = (name: string, more: Partial<Scenario> = {}): Scenario => ({
  name,
  mounts: true,
  run: () => Promise.resolve(),
  ...more,
})

const scenarios = [scenario('a'), scenario('b', { mounts: false }), scenario('c', { transports: ['classic'] })]
const names = (count: number, seed: number): string[] => {
  const dealt = deal(pairs(scenarios, ['uring', 'classic']), randomFrom(seed))
  return Array.from({ length: count }, () => dealt.next().value).map(
    (turn) => `${turn.scenario.name} ${turn.transport}`,
  )
}

t.test('each scenario is dealt once per transport it can use, before any is dealt again', (t) => {
  const all = ['a classic', 'a uring', 'b uring', 'c classic']
  t.strictSame(names(4, 1).sort(), all)
  t.strictSame(names(8, 1).slice(4).sort(), all)
  t.end()
})

t.test('the same seed deals the same order', (t) => {
  t.strictSame(names(40, 7), names(40, 7))
  t.notSame(names(40, 7), names(40, 8))
  t.end()
})

t.test('scenarios that are there are found, each with a name of its own', async (t) => {
  const found = (await loadScenarios()).map(({ name }) => name)
  t.ok(found.includes('simulator'))
  t.equal(new Set(found).size, found.length)
})

t.test('a failure is counted as what it is', (t) => {
  t.equal(kindOf('fio: no end within 5000 ms'), 'hung')
  t.equal(kindOf('after 10000 ms still not: the writer writes'), 'hung')
  t.equal(kindOf('ERROR: AddressSanitizer: heap-use-after-free'), 'sanitizer')
  t.equal(kindOf('slab.h:3: runtime error: shift exponent'), 'sanitizer')
  t.equal(kindOf('the process of the scenario: SIGSEGV: '), 'crashed')
  t.equal(kindOf('node serve ended with 134 before the line'), 'crashed')
  t.equal(kindOf('3 holds 4, 5 was acknowledged'), 'lost')
  t.end()
})

t.test('the report adds up tries, failures and what was injected', (t) => {
  const base = { scenario: 'kills', transport: 'uring', seed: 1 }
  const text = summary([
    { ...base, counts: { kills: 3 } },
    { ...base, counts: { kills: 1500 }, failure: '3 holds 4, 5 was acknowledged' },
    { ...base, transport: 'classic', counts: {}, failure: 'x: no end within 5 ms' },
  ])
  t.match(text, /^kills +uring +2 +1 +0 +0 +0$/m)
  t.match(text, /^kills +classic +1 +0 +1 +0 +0$/m)
  t.match(text, /^all +3 +1 +1 +0 +0$/m)
  t.match(text, /^kills +1,503$/m)
  t.end()
})
