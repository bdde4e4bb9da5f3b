/**
 * The house rules that a program can check: a rule that nobody checks is a wish.
 *
 * Layout and types are prettier's, clang-format's and eslint's. Here: who may import whom, how large a file may get,
 * that every file says why it exists, that the documentation's links lead somewhere, and what must not be in the
 * repository at all.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('..', import.meta.url))
const ignored = new Set(['node_modules', 'build', 'dist', '.git', '.tap', 'tap-snapshots', 'results'])
const generated = new Set(['src/protocol/abi.ts', 'package-lock.json', 'compile_commands.json'])

const walk = (directory: string): string[] =>
  readdirSync(join(root, directory), { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (ignored.has(entry.name)) return []
    if (entry.isDirectory()) return walk(path)
    return entry.isFile() && !generated.has(path) ? [path] : []
  })

interface Source {
  readonly path: string
  readonly text: string
  readonly lines: readonly string[]
}

const all: Source[] = walk('').map((path) => {
  const text = readFileSync(join(root, path), 'utf8')
  return { path, text, lines: text.split('\n') }
})
const under = (directory: string, ...endings: string[]): Source[] =>
  all.filter(({ path }) => path.startsWith(directory) && endings.some((ending) => path.endsWith(ending)))
const code = all.filter(({ path }) => /\.(ts|js|cc|h|sh|gyp)$/.test(path))
const documents = all.filter(({ path }) => path.endsWith('.md'))

/** Rows of src/, lowest first; a file may import its own row and rows below. docs/architecture.md draws them. */
const rows = [
  ['native', 'deadline.ts', 'errors.ts', 'log.ts', 'units.ts'],
  ['backend', 'layer', 'protocol', 'transport'],
  ['dispatcher'],
  ['lane'],
  ['volume.ts', 'volume-life.ts', 'volume-limits.ts', 'volume-types.ts'],
  ['host', 'index.ts'],
  ['cli'],
]
const nativeRows = [['abi', 'base'], ['ring'], ['transport'], ['node']]

const rowOf = (table: readonly (readonly string[])[], top: string): number =>
  table.findIndex((row) => row.includes(top))
const top = (path: string): string => path.split('/')[1] ?? ''

/** Relative imports of a TypeScript file, as paths from the top of the repository. */
const importsOf = ({ path, text }: Source): string[] =>
  [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, target = '']) =>
    normalize(join(dirname(path), target)).replace(/\.js$/, '.ts'),
  )
const includesOf = ({ text }: Source): string[] =>
  [...text.matchAll(/^#include\s+["<]([^">]+)[">]/gm)].map(([, name = '']) => name)

t.test('in src, imports point to the same row or down', (t) => {
  for (const source of under('src/', '.ts')) {
    const own = rowOf(rows, top(source.path))
    t.not(own, -1, `${source.path} stands in a row`)
    for (const target of importsOf(source)) {
      const other = rowOf(rows, top(target))
      t.ok(target.startsWith('src/') && other !== -1 && other <= own, `${source.path} may import ${target}`)
    }
  }
  t.end()
})

t.test('backends and layers know the addon, but neither the protocol nor the transports', (t) => {
  for (const source of [...under('src/backend/', '.ts'), ...under('src/layer/', '.ts')]) {
    for (const target of importsOf(source)) {
      t.notMatch(target, /^src\/(protocol|transport|native\/(?!addon\.ts))/, `${source.path} imports ${target}`)
    }
  }
  t.end()
})

t.test('the benchmark knows of src only errors, units and types', (t) => {
  for (const source of under('bench/', '.ts')) {
    const values = [...source.text.matchAll(/^import (?!type )(?:[^;]*?) from '(\.[^']+)'/gm)].map(([, target = '']) =>
      normalize(join(dirname(source.path), target)),
    )
    for (const target of values.filter((path) => path.startsWith('src/'))) {
      t.match(target, /^src\/(errors|units)\.js$/, `${source.path} imports ${target}`)
    }
  }
  t.pass('read')
  t.end()
})

t.test('in native, includes point to the same row or down', (t) => {
  for (const source of under('native/', '.cc', '.h')) {
    const own = rowOf(nativeRows, top(source.path))
    t.not(own, -1, `${source.path} stands in a row`)
    for (const name of includesOf(source).filter((include) => existsSync(join(root, 'native', include)))) {
      const other = rowOf(nativeRows, name.split('/')[0] ?? '')
      t.ok(other !== -1 && other <= own, `${source.path} may include ${name}`)
    }
  }
  t.end()
})

t.test('liburing, the addon API and the FUSE layouts are each known in one place', (t) => {
  const allowed: readonly (readonly [RegExp, RegExp])[] = [
    [/^liburing/, /^native\/ring\//],
    [/^(napi|node_api|uv)\.h$/, /^native\/node\//],
    [/^abi\/fuse_abi\.h$/, /^native\/(abi|transport)\//],
    [/^linux\/fuse\.h$/, /^native\/abi\//],
  ]
  for (const source of under('native/', '.cc', '.h')) {
    for (const name of includesOf(source)) {
      for (const [header, place] of allowed) {
        if (header.test(name)) t.match(source.path, place, `${source.path} includes ${name}`)
      }
    }
  }
  t.end()
})

t.test('no file is so long that nobody reads it', (t) => {
  // The kernel's layouts are one long list that is looked things up in, not read.
  const limit = (path: string): number => (path.startsWith('native/abi/') ? 500 : 400)
  for (const { path, lines } of code) {
    t.ok(lines.length <= limit(path), `${path} has ${String(lines.length)} lines of ${String(limit(path))}`)
  }
  t.end()
})

t.test('every source file opens by saying what it is for', (t) => {
  for (const { path, lines } of code) {
    const [first = '', second = ''] = lines
    const opening = first.startsWith('#!') ? second : first
    t.match(opening, /^(\/\*\*?|\/\/|#) ?/, `${path} opens with a comment`)
  }
  t.end()
})

/** `path:line` of every line that the pattern accepts. */
const places = (sources: readonly Source[], pattern: RegExp): string[] =>
  sources.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) => (pattern.test(line) ? [`${path}:${String(index + 1)}: ${line.trim()}`] : [])),
  )

t.test('no tabs, no trailing blanks', (t) => {
  t.strictSame(places([...code, ...documents], /\t|[ ]$/), [])
  t.end()
})

t.test('no line beyond 120 columns', (t) => {
  // Long strings are left alone, as prettier does, and tables and addresses, which cannot be broken.
  t.strictSame(places(code, /^(?!.*(prettier-ignore|['`"/].{60,})).{121,}$/), [])
  t.strictSame(places(documents, /^(?!\s*\||.*https?:)(?!\s*\S+$).{121,}$/), [])
  t.end()
})

/** Without fenced code, whose `#` lines are not headings and whose brackets are not links. */
const prose = (text: string): string => text.replace(/^```[^]*?^```$/gm, '').replace(/`[^`\n]*`/g, '')

const anchors = (text: string): Set<string> =>
  new Set(
    [...text.replace(/^```[^]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  )

t.test('every document has one title, at its top', (t) => {
  for (const { path, lines, text } of documents) {
    t.match(lines[0] ?? '', /^# \S/, `${path} opens with its title`)
    t.equal([...text.replace(/^```[^]*?^```$/gm, '').matchAll(/^# /gm)].length, 1, `${path} has one title`)
  }
  t.end()
})

t.test('links between documents lead somewhere', (t) => {
  for (const { path, text } of documents) {
    for (const [, target = ''] of prose(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [file = '', anchor] = target.split('#')
      const linked = file === '' ? path : join(dirname(path), decodeURIComponent(file))
      t.ok(existsSync(join(root, linked)), `${path} links to ${target}`)
      if (anchor !== undefined && linked.endsWith('.md') && existsSync(join(root, linked))) {
        t.ok(anchors(readFileSync(join(root, linked), 'utf8')).has(anchor), `${path} links to the heading ${target}`)
      }
    }
  }
  t.end()
})

t.test('the repository speaks of ringvol alone', (t) => {
  // Paths of somebody's machine, and hosts that are not public documentation. The words are put together here so that
  // this file passes its own rule.
  const words = ['/wo' + 'rk/', '/ro' + 'ot/', '/ho' + 'me/', 'assis' + 'tant', 'chat' + 'bot', 'language mo' + 'del']
  const known = 'github kernel man7 nodejs npmjs debian keepachangelog semver node-tap typescriptlang w3 example'
  const hosts = new RegExp(`https?://(?!([a-z-]+\\.)*(${known.replaceAll(' ', '|')})\\.(com|org|io)\\b|localhost|x/)`)
  t.strictSame(places(all, new RegExp(words.join('|'), 'i')), [])
  t.strictSame(places(all, hosts), [])
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
  t.notMatch(lock, /"resolved": "https?:\/\/(?!registry\.npmjs\.org\/)/, 'the lockfile names no registry of its own')
  t.end()
})

t.test('the generated layouts are what the compiler says', (t) => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/generate-abi.js', '--check'], { cwd: root })
  t.equal(status, 0, stderr.toString())
  t.end()
})

t.test('every opcode the dispatcher answers has a row in docs/protocol.md', (t) => {
  const abi = readFileSync(join(root, 'src/protocol/abi.ts'), 'utf8')
  const block = /export const opcode = \{([^}]*)\}/.exec(abi)?.[1] ?? ''
  const names = [...block.matchAll(/^\s*([A-Z][A-Z0-9_]*):/gm)].map(([, name = '']) => name)
  const documented = readFileSync(join(root, 'docs/protocol.md'), 'utf8')
  t.ok(names.length > 40, 'the opcodes were found')
  for (const name of names) t.match(documented, new RegExp(`\\|[^|]*\\b${name}\\b[^|]*\\|`), `${name} has a row`)
  t.end()
})
