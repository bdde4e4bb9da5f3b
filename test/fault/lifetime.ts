/**
 * Programs that use the library, and end: on their own, by process.exit, by an exception, by a terminated worker. None
 * of them crashes, hangs or leaves a mount, and whoever was reading gets an error.
 */
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { TransportName } from '../../src/transport/transport.js'
import { mountsUnder } from '../support/mounts.js'
import { attempt, type Result } from '../support/process.js'
import { freshDirectory } from '../support/scratch.js'
import { onTransportsInTurn, suite } from '../support/suite.js'

const child = fileURLToPath(new URL('lifetime-child.js', import.meta.url))

const end = (ending: string, transport: TransportName, lanes: number, directory = freshDirectory('life')) =>
  attempt(process.execPath, ['--expose-gc', child, ending, transport, String(lanes), directory], { deadline: 60_000 })

const summary = ({ code, stdout, stderr }: Result): string => `${String(code)} ${stdout} ${stderr}`

await suite(t, {}, () => {
  for (const [ending, status] of [
    ['process.exit', 7],
    ['uncaught exception', 1],
    ['natural end', 0],
  ] as const) {
    onTransportsInTurn(t, 2, `${ending} leaves no mount, on one lane or two`, async (t, transport) => {
      for (const lanes of [1, 2]) {
        const directory = freshDirectory('life')
        const result = await end(ending, transport, lanes, directory)
        t.equal(result.code, status, summary(result))
        t.match(result.stdout, 'up')
        t.strictSame(mountsUnder(directory), [])
      }
    })
  }

  onTransportsInTurn(t, 2, 'terminated workers fail their readers instead of hanging them', async (t, transport) => {
    for (const lanes of [1, 2]) {
      const result = await end('worker terminated under load', transport, lanes)
      t.equal(result.code, 0, summary(result))
      t.match(result.stdout, /readers got: .*(not connected|abort|No such|Input\/output)/)
    }
  })

  onTransportsInTurn(t, 2, 'a hundred volumes in one process leave nothing behind', async (t, transport) => {
    const result = await end('opened and stopped 100 times', transport, 1)
    t.equal(result.code, 0, summary(result))
    const { before, after } = JSON.parse(result.stdout) as Record<'before' | 'after', Record<string, number>>
    t.equal(after['descriptors'], before['descriptors'])
    t.equal(after['threads'], before['threads'])
    const grown = (after['megabytes'] ?? Infinity) - (before['megabytes'] ?? 0)
    t.ok(grown < 1000, `a slab per round would be some 10000 MiB; it is ${grown.toFixed(0)}`)
  })
})
