/**
 * Random reads, writes, maps, holes and re-opens of a volume, against a model in memory: what the tests with a name did
 * not think of. test/fsx/ has the parts; `npm run fsx` is the same for longer.
 */
import t from 'tap'
import { hunt } from '../fsx/hunt.js'
import { modes, targetNames } from '../fsx/operation.js'
import { openTarget, usableTransports } from '../fsx/targets.js'
import { seeded } from '../support/seed.js'
import { suite } from '../support/suite.js'

/** Per target and mode. RINGVOL_TEST_FSX_OPS=100000 for a long run. */
const count = Number(process.env['RINGVOL_TEST_FSX_OPS'] ?? 700)
/** A last page, and a last request, that are not whole. */
const size = (3 << 20) + 1536

await suite(t, { needs: ['command:g++'] }, async () => {
  const { seed } = seeded(t)
  const transports = await usableTransports()
  for (const [row, target] of targetNames.entries()) {
    for (const [column, mode] of modes.entries()) {
      const transport = transports[(seed + row * modes.length + column) % transports.length] ?? 'classic'
      t.test(`${target}, ${mode}, ${transport}: ${String(count)} operations do as the model does`, async (t) => {
        await hunt({ target, mode, transport, size, seed }, count, { open: openTarget })
        t.pass('every answer and every byte')
      })
    }
  }
})
