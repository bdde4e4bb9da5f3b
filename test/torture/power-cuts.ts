/**
 * Power cuts behind every flush of ever new recordings: see test/support/power-cuts.ts.
 */
import type { LaneTransport } from '../../src/native/addon.js'
import { explore, forget, record } from '../support/power-cuts.js'
import { requires } from '../support/requires.js'
import { randomFrom } from '../support/seed.js'
import type { Scenario } from './scenario.js'

export const scenario: Scenario = {
  name: 'power-cuts',
  mounts: true,
  run: async ({ seed, transport, until, count }) => {
    const random = randomFrom(seed)
    const withXfs = requires('xfs', 'command:xfs_repair') === false
    const fileSystem = withXfs && random.below(4) === 0 ? 'xfs' : 'ext4'
    // The bytes have to pass through a layer, so the kernel cannot pass them by.
    const carrier: LaneTransport = transport === 'passthrough' ? 'classic' : transport
    const recorded = await record({ fileSystem, transport: carrier, seed, rounds: 20 })
    const { crashPoints, complaints } = await explore(recorded, { random, flushes: 20, until })
    forget(recorded)
    count('crash points', crashPoints)
    if (complaints.length > 0) throw new Error(`${fileSystem}: ${complaints.join('\n')}`)
  },
}
