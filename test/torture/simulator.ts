/**
 * Simulated lives of a volume, seed after seed; see test/simulator/simulation.ts.
 */
import { simulate } from '../simulator/simulation.js'
import { randomFrom } from '../support/seed.js'
import type { Scenario } from './scenario.js'

/** A few seconds of work. */
const atOnce = 1000

export const scenario: Scenario = {
  name: 'simulator',
  mounts: false,
  async run({ seed, until, count }) {
    const { below } = randomFrom(seed)
    for (let done = 0; done < atOnce && Date.now() < until; done++) {
      await simulate(below(2 ** 31))
      count('simulator seeds')
    }
  },
}
