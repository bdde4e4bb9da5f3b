/**
 * A barrier that reaches the disk is worth nothing if it comes in the wrong order: so the order is recorded, and what a
 * power cut would have left behind each flush is mounted and looked at.
 */
import t from 'tap'
import { explore, record, type Recorded } from '../support/power-cuts.js'
import { requires } from '../support/requires.js'
import { carriers, lacksTransport } from '../support/ringvol.js'
import { seeded } from '../support/seed.js'
import { suite } from '../support/suite.js'

/** Flushes behind which the power is cut, three states of each; given, xfs is tried too. */
const asked = process.env['RINGVOL_TEST_FLUSHES']
const flushes = Number(asked ?? 6)
const fileSystems = asked === undefined ? (['ext4'] as const) : (['ext4', 'xfs'] as const)

await suite(t, { needs: ['command:e2fsck'] }, () => {
  for (const name of fileSystems) {
    let recorded: Recorded | undefined
    const skip = name === 'xfs' && requires('xfs', 'command:xfs_repair')

    t.test(`${name}: whatever a power cut leaves, all that was fsynced is there`, { skip }, async (t) => {
      const random = seeded(t)
      const offered = carriers.filter((transport) => lacksTransport(transport) === false)
      const transport = offered[random.below(offered.length)] ?? 'syscall'
      recorded = await record({ fileSystem: name, transport, seed: random.seed, rounds: 30 })
      const { crashPoints, complaints } = await explore(recorded, { random, flushes })
      t.comment(`${transport}, ${String(recorded.claims.length)} claims, ${String(crashPoints)} crash points`)
      t.ok(crashPoints >= flushes, 'the log had flushes to cut behind')
      t.strictSame(complaints, [])
    })

    t.test(`${name}: a disk that answers flushes without doing them is found out`, { skip }, async (t) => {
      const random = seeded(t)
      if (recorded === undefined) return t.fail('nothing was recorded')
      const { complaints } = await explore(recorded, { random, flushes: 4, lies: 6 })
      t.comment(complaints.slice(0, 3).join('\n'))
      t.not(complaints.length, 0)
    })
  }
})
