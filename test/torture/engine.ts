/**
 * The engine without Node in bad weather, with AddressSanitizer and UndefinedBehaviorSanitizer, then with
 * ThreadSanitizer: what they find ends the program with a report, which is the failure.
 */
import { buildEngine } from '../native/engine-build.js'
import { run } from '../support/process.js'
import type { Scenario } from './scenario.js'

/** A few seconds of work each; ThreadSanitizer is there for the second thread. */
const weathers = [
  { variant: 'asan', rounds: 60, threads: 2 },
  { variant: 'tsan', rounds: 60, threads: 4 },
] as const

export const scenario: Scenario = {
  name: 'engine',
  mounts: false,
  async run({ seed, count }) {
    for (const { variant, rounds, threads } of weathers) {
      const program = await buildEngine(variant, 'random')
      const environment = { TSAN_OPTIONS: 'halt_on_error=1' }
      await run(program, [String(seed), String(rounds), String(threads)], { deadline: 200_000, environment })
      count('engine rounds under sanitizers', rounds)
    }
  },
}
