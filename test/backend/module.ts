/**
 * Backends from a user's file: what is accepted, and what its author is told when it is not.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadModule } from '../../src/backend/module.js'
import { silentLogger } from '../../src/log.js'

const directory = mkdtempSync('/var/tmp/ringvol-module-')
t.teardown(() => {
  rmSync(directory, { recursive: true })
})

const options = { readOnly: false, logger: silentLogger, size: 4096 }
let serial = 0

const moduleOf = (code: string, extension = 'mjs'): string => {
  serial += 1
  const path = join(directory, `module-${String(serial)}.${extension}`)
  writeFileSync(path, code)
  return path
}

const members = `name: 'mine', size: 4096, blockSize: 512, can: { write: true },
  async open() {}, read(target) { target.fill(7) }, write() {}, async close() {}`

t.test('a backend, a factory, or a factory that takes its time', async (t) => {
  for (const code of [
    `export default { ${members} }`,
    `export default () => ({ ${members} })`,
    `export default async ({ size, readOnly, logger }) => {
       if (size !== 4096 || readOnly !== false || typeof logger.info !== 'function') throw new Error('options')
       return { ${members} }
     }`,
  ]) {
    t.equal((await loadModule(moduleOf(code), options)).name, 'mine')
  }
})

t.test('a default export that was compiled to CommonJS', async (t) => {
  const code = `exports.__esModule = true\nexports.default = () => ({ ${members} })`
  t.equal((await loadModule(moduleOf(code, 'cjs'), options)).name, 'mine')
})

t.test('TypeScript is loaded where this Node can', async (t) => {
  const path = moduleOf(`const name: string = 'mine'\nexport default { ${members} }`, 'ts')
  const loaded = await loadModule(path, options).catch((error: unknown) => error)
  t.match(loaded, loaded instanceof Error ? { code: 'ERR_SOURCE', message: /compile it/ } : { name: 'mine' })
})

t.test('what is missing is named', async (t) => {
  for (const [code, message] of [
    [
      'export default { name: "x", async open() {}, async close() {} }',
      /missing read\(\), write\(\); docs\/backends\.md/,
    ],
    ['export default { }', /its default export is not a backend: missing name, open\(\)/],
    ['export default () => undefined', /what its factory returned is not a backend: missing everything/],
    ['export default 5', /missing everything/],
    ['export const read = 1, write = 2', /no default export \(it exports read, write\)/],
    ['', /no default export \(it exports nothing\)/],
  ] as const) {
    await t.rejects(loadModule(moduleOf(code), options), { code: 'ERR_SOURCE', message }, code)
  }
})

t.test('a factory that fails says why', async (t) => {
  const failing = moduleOf('export default () => { throw new Error("no bucket") }')
  await t.rejects(loadModule(failing, options), { code: 'ERR_BACKEND', message: /its factory threw: no bucket/ })
  const asClass = moduleOf('export default class Mine {}')
  await t.rejects(loadModule(asClass, options), { code: 'ERR_BACKEND', message: /a class needs a factory/ })
})

t.test('a file that is not there, or does not load, says so', async (t) => {
  const none = join(directory, 'none.js')
  await t.rejects(loadModule(none, options), { code: 'ERR_IMAGE_MISSING', message: /there is no file .*none\.js/ })
  const broken = loadModule(moduleOf('export default {'), options)
  await t.rejects(broken, { code: 'ERR_SOURCE', message: /does not load: Unexpected/ })
  const throwing = loadModule(moduleOf('throw new Error("at once")'), options)
  await t.rejects(throwing, { code: 'ERR_SOURCE', message: /does not load: at once/ })
  const importing = loadModule(moduleOf('import "./not-there.js"'), options)
  await t.rejects(importing, { code: 'ERR_SOURCE', message: /not-there\.js/ })
})
