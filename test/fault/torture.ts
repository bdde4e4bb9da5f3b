/**
 * A short `npm run torture`: that it deals, counts, reports and ends, and that nothing fails in a third of a minute of it.
 */
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { attempt } from '../support/process.js'
import { seeded } from '../support/seed.js'
import { suite } from '../support/suite.js'

const runTs = fileURLToPath(new URL('../../scripts/run-ts.sh', import.meta.url))
const program = fileURLToPath(new URL('../torture/runner/main.ts', import.meta.url))

const torture = (...args: string[]) => attempt(runTs, [program, ...args], { deadline: 300_000 })

await suite(t, {}, () => {
  const { seed } = seeded(t)

  t.test('a third of a minute of torture loses nothing, hangs nobody and says what it did', async (t) => {
    // Without those that build for a minute first.
    const only = 'fsx,io-errors,kills,power-cuts,shutdowns,simulator,storms'
    const settings = ['--minutes', '0.3', '--slice', '3', '--seed', String(seed), '--only', only]
    const { code, stdout, stderr } = await torture(...settings)
    t.equal(code, 0, `${stdout}\n${stderr}`)
    t.match(stdout, /^all +[1-9]\d* +0 +0 +0 +0$/m)
    t.match(stdout, /^DONE +TIMES\n\S/m)
  })

  t.test('a scenario that does not exist is refused with those that do', async (t) => {
    const { code, stderr } = await torture('--only', 'kils')
    t.equal(code, 2)
    t.match(stderr, /'kils' is unknown; choose of .*simulator/)
  })
})
