/**
 * The file system above us stops as in a power cut, and recovers with everything it had fsynced:
 * test/torture/shutdowns.ts.
 */
import t from 'tap'
import { seeded } from '../support/seed.js'
import { onTransportsInTurn, suite } from '../support/suite.js'
import { shutdownCycle, shutDown, stoppable } from '../torture/shutdowns.js'

await suite(t, { needs: ['command:xfs_io', 'command:mkfs.xfs', 'xfs'], expectedLog: shutDown }, () => {
  const random = seeded(t)

  for (const fileSystem of stoppable) {
    onTransportsInTurn(
      t,
      2,
      `${fileSystem.name} that is shut down under load recovers, clean, with every fsynced file`,
      async (t, transport) => {
        t.ok((await shutdownCycle(fileSystem, transport, random)) >= 5)
      },
    )
  }
})
