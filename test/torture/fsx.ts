/**
 * fsx on the FUSE file or the loop device, in one of its modes, over the transport that is asked for.
 */
import { hunt } from '../fsx/hunt.js'
import { type Mode, modes, targetNames } from '../fsx/operation.js'
import { openTarget } from '../fsx/targets.js'
import { type Random, randomFrom } from '../support/seed.js'
import type { Scenario } from './scenario.js'

/** About five seconds of work. */
const count = 1500

/** From nearly nothing to several requests of the largest size; never a whole number of pages. */
export const randomShape = (random: Random): { readonly mode: Mode; readonly size: number } => ({
  mode: modes[random.below(modes.length)] ?? 'buffered',
  size: 512 * (1 + 8 * random.below(1024)),
})

export const scenario: Scenario = {
  name: 'fsx',
  mounts: true,
  run: async ({ seed, transport, count: report }) => {
    const random = randomFrom(seed)
    const target = targetNames[random.below(targetNames.length)] ?? 'volume'
    const { mode, size } = randomShape(random)
    await hunt({ target, mode, transport, size, seed }, count, { open: openTarget })
    report(`fsx operations, ${mode}`, count)
  },
}
