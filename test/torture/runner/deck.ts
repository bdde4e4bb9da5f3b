/**
 * Which scenario comes next: every pair of scenario and transport once, in random order, then all of them again.
 *
 * So a run of any length has done about the same of everything, and each run of the same seed deals the same cards.
 */
import { readdirSync } from 'node:fs'
import type { TransportName } from '../../../src/transport/transport.js'
import type { Random } from '../../support/seed.js'
import type { Scenario } from '../scenario.js'

export interface Turn {
  readonly scenario: Scenario
  readonly transport: TransportName
}

/** Every file of test/torture that exports a scenario, by its name; dropped in, nothing lists them. */
export const loadScenarios = async (): Promise<Scenario[]> => {
  const files = readdirSync(new URL('..', import.meta.url)).filter((name) => name.endsWith('.ts'))
  const modules = await Promise.all(files.map((name) => import(`../${name}`) as Promise<{ scenario?: Scenario }>))
  return modules.flatMap(({ scenario }) => scenario ?? []).sort((a, b) => a.name.localeCompare(b.name))
}

/** A scenario that mounts nothing is dealt once a round, as if it had one transport. */
export const pairs = (scenarios: readonly Scenario[], transports: readonly TransportName[]): Turn[] =>
  scenarios.flatMap((scenario) => {
    const usable = transports.filter((transport) => scenario.transports?.includes(transport) ?? true)
    return (scenario.mounts ? usable : usable.slice(0, 1)).map((transport) => ({ scenario, transport }))
  })

/** Endless. */
export const deal = function* (turns: readonly Turn[], random: Random): Generator<Turn, never> {
  for (;;) {
    const deck = [...turns]
    while (deck.length > 0) yield* deck.splice(random.below(deck.length), 1)
  }
}
