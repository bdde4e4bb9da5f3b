/**
 * What the documentation imports from ringvol is what a program can import.
 */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import * as library from '../src/index.js'

const docs = new URL('../docs/', import.meta.url)

/** Names that a page's code imports from `ringvol` itself, types left out: they are gone when it runs. */
const importedBy = (page: string): string[] =>
  [...page.matchAll(/^import (?!type )\{([^}]*)\} from 'ringvol'$/gm)].flatMap(([, list = '']) =>
    list
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && !name.startsWith('type ')),
  )

t.test('every name that a page imports is exported', (t) => {
  const pages = readdirSync(docs).filter((name) => name.endsWith('.md'))
  const names = new Set(pages.flatMap((page) => importedBy(readFileSync(new URL(page, docs), 'utf8'))))
  t.ok(names.has('exportVolume') && names.has('ForwardLayer'), 'the examples were found')
  for (const name of names) t.ok(Object.hasOwn(library, name), name)
  t.end()
})

t.test('a layer of a program counts what passes through it, over any source', async (t) => {
  const { checked, ForwardLayer, openSource } = library
  class Counted extends ForwardLayer {
    bytes = 0

    override read(target: Buffer, offset: number): void | Promise<void> {
      this.bytes += target.length
      return super.read(target, offset)
    }
  }
  const counted = new Counted(await openSource('memory:64K'))
  const backend = checked(counted)
  await backend.open()
  await backend.write(Buffer.from('seen'), 512)
  const target = Buffer.alloc(4)
  await backend.read(target, 512)
  t.equal(target.toString(), 'seen')
  t.equal(counted.bytes, 4)
  t.equal(backend.file, undefined, 'the ring does not go past it')
  await backend.close()
})
