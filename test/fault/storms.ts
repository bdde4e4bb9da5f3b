/**
 * Volumes on all transports, loaded, and taken away at once in every way there is: test/torture/storms.ts.
 */
import t from 'tap'
import { diskGone } from '../support/kernel-log.js'
import { usableTransports } from '../support/ringvol.js'
import { seeded } from '../support/seed.js'
import { suite } from '../support/suite.js'
import { storm } from '../torture/storms.js'

/** RINGVOL_TEST_STORMS=25 for a hundred volumes. */
const storms = Number(process.env['RINGVOL_TEST_STORMS'] ?? 2)

await suite(t, { expectedLog: diskGone }, () => {
  const random = seeded(t)

  t.test(`${String(storms)} storms of unmounts, aborts and signals end every daemon and leave nothing`, async (t) => {
    const counts: Record<string, number> = { aborts: 0, unmounts: 0 }
    for (let round = 0; round < storms; round++) {
      await storm(usableTransports(), random, (what, many = 1) => {
        counts[what] = (counts[what] ?? 0) + many
      })
    }
    t.comment(`note ${String(counts['aborts'])} aborts, ${String(counts['unmounts'])} unmounts`)
    t.ok((counts['unmounts'] ?? 0) >= storms, 'it stormed')
  })
})
