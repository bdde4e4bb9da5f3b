/**
 * One scenario on one transport in a process of its own, so that a crash or a hang in it is just one more outcome.
 *
 *   scripts/run-ts.sh test/torture/runner/one.ts NAME TRANSPORT SEED [UNTIL]
 *
 * Calls it with SEED, and until UNTIL (milliseconds since 1970; default: once) with the seeds that follow from it. A
 * line of JSON for each call: the `Outcome` of report.ts. Ends after the first failure, with status 1.
 */
import type { TransportName } from '../../../src/transport/transport.js'
import { watchKernelLog } from '../../support/kernel-log.js'
import { until as eventually } from '../../support/process.js'
import { randomFrom } from '../../support/seed.js'
import { leftovers, sweep } from '../../support/sweep.js'
import { loadScenarios } from './deck.js'
import type { Outcome } from './report.js'
import type { Scenario, TortureCount } from '../scenario.js'

/** A process that was told to end may need a moment to be gone. */
const goneMs = 15_000

/** Rejects with what is wrong, be it with the data, the kernel log, or what was left behind. */
const callOnce = async (scenario: Scenario, context: Parameters<Scenario['run']>[0]): Promise<void> => {
  const complaints = scenario.mounts ? await watchKernelLog() : undefined
  await scenario.run(context)
  if (complaints === undefined) return
  await eventually('nothing is left', () => leftovers().length === 0, goneMs).catch(() => undefined)
  const wrong = [...leftovers().map((what) => `left behind: ${what}`), ...(await complaints(scenario.expectedLog))]
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
}

const outcomeOf = async (scenario: Scenario, transport: TransportName, seed: number, end: number): Promise<Outcome> => {
  const counts: Partial<Record<TortureCount, number>> = {}
  const count = (what: TortureCount, many = 1): void => {
    counts[what] = (counts[what] ?? 0) + many
  }
  const outcome = { scenario: scenario.name, transport: scenario.mounts ? transport : '-', seed, counts }
  try {
    await callOnce(scenario, { seed, transport, until: end, count })
    return outcome
  } catch (error) {
    return { ...outcome, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

const main = async ([name, transport, seed, end]: readonly string[]): Promise<number> => {
  const scenarios = await loadScenarios()
  const scenario = scenarios.find((each) => each.name === name)
  if (scenario === undefined || transport === undefined || seed === undefined) {
    process.stderr.write(
      `one: NAME TRANSPORT SEED [UNTIL]; NAME is of ${scenarios.map((each) => each.name).join(', ')}\n`,
    )
    return 2
  }
  const random = randomFrom(Number(seed))
  const last = end === undefined ? Date.now() + 60_000 : Number(end)
  let next = Number(seed)
  do {
    const outcome = await outcomeOf(scenario, transport as TransportName, next, last)
    process.stdout.write(`${JSON.stringify(outcome)}\n`)
    if (outcome.failure !== undefined) return 1
    next = random.below(2 ** 31)
  } while (end !== undefined && Date.now() < last)
  return 0
}

const status = await main(process.argv.slice(2)).finally(() => sweep())
process.exit(status)
