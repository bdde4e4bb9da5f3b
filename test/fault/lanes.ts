/**
 * A lane that dies takes its volume down, and nothing else: callers get errors at once, what was acknowledged is in the
 * image, the daemon ends with status 1 and says why, and a program that uses the library goes on.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { audit, readBooks, startLedger } from '../support/ledger.js'
import { attempt, until } from '../support/process.js'
import { serve, sparseImage } from '../support/ringvol.js'
import { freshDirectory, freshPath } from '../support/scratch.js'
import { onTransportsInTurn, suite } from '../support/suite.js'

const beside = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const blocks = 1024

const environment = (death: string, trigger: string): Record<string, string> => ({
  LANE_DEATH: death,
  LANE_TRIGGER: trigger,
  NODE_OPTIONS: `--require=${beside('lane-hook.js')}`,
})

await suite(t, {}, () => {
  for (const [death, reason] of [
    ['throw', /on purpose/],
    ['exit', /ended by itself/],
  ] as const) {
    onTransportsInTurn(t, 2, `a lane that dies (${death}) ends the volume with status 1`, async (t, transport) => {
      const trigger = freshPath('trigger')
      const image = sparseImage(blocks * 4096)
      const options = ['--transport', transport, '--lanes', '2']
      const served = await serve(image, options, { environment: environment(death, trigger) })
      const ledger = { path: served.volume, synchronous: false, blocks, inFlight: 4, seed: 5, firstSequence: 0 }
      const writer = startLedger(ledger)
      await until('the writer writes', () => writer.lines.length > 100)
      writeFileSync(trigger, '')
      await writer.ended(5000)
      const books = readBooks(writer.lines)
      t.ok(books.failures.length > 0, 'the writer is told')
      const { code, stderr } = await served.daemon.ended(10_000)
      t.equal(code, 1)
      t.match(stderr, reason)
      t.strictSame(audit(image, books), [])
    })
  }

  onTransportsInTurn(t, 1, 'a program that uses the library outlives a lane of its volume', async (t, transport) => {
    const trigger = freshPath('trigger')
    const args = [beside('lifetime-child.js'), 'lane lost', transport, '2', freshDirectory('life')]
    const result = await attempt(process.execPath, args, { environment: environment('throw', trigger) })
    t.equal(result.code, 0, result.stderr)
    t.match(result.stdout, /^closed with ERR_BACKEND: .*on purpose/m)
    t.match(result.stdout, /^reader got: .*(not connected|abort|No such|Input\/output)/m)
  })
})
