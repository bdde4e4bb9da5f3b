/**
 * The examples of docs/backends.md, taken from the page and held to the same suite as ringvol's own backends.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Backend } from '../../src/backend/backend.js'
import { loadModule } from '../../src/backend/module.js'
import { silentLogger } from '../../src/log.js'
import { backendSuite, type SuiteContext } from './suite.js'

const page = readFileSync(new URL('../../docs/backends.md', import.meta.url), 'utf8')

/** Code blocks whose first line names a file. */
const examples = new Map(
  Array.from(page.matchAll(/^```js\n\/\/ (\S+)\n(.*?)^```$/gms), ([, name = '', code = '']) => [name, code]),
)

const directory = mkdtempSync('/var/tmp/ringvol-tutorial-')
t.teardown(() => {
  rmSync(directory, { recursive: true })
})

let serial = 0

/** A copy of its own for each test, because a module is evaluated once and an example may keep its bytes in it. */
const load =
  (name: string) =>
  ({ size }: SuiteContext): Promise<Backend> => {
    serial += 1
    const path = join(directory, `${String(serial)}-${name.replace('.js', '.mjs')}`)
    writeFileSync(path, examples.get(name) ?? '')
    process.env['CHUNKS'] = join(directory, `chunks-${String(serial)}`)
    return loadModule(path, { size, readOnly: false, logger: silentLogger })
  }

t.strictSame([...examples.keys()], ['ram.js', 'chunks.js'], 'the page has these examples')
t.ok((examples.get('ram.js') ?? '').trim().split('\n').length <= 20, 'the first one has at most 20 lines')

// Its 64 MiB would make every test of the suite a long one.
examples.set('ram.js', (examples.get('ram.js') ?? '').replace('64 * 1024 * 1024', '1024 * 1024'))
backendSuite(t, 'ram.js', load('ram.js'))
backendSuite(t, 'chunks.js', load('chunks.js'))
