/**
 * What a user may type as SOURCE, and what comes of it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chdir, cwd } from 'node:process'
import t from 'tap'
import type { Test } from 'tap'
import { describeSource, openSource } from '../../src/backend/source.js'
import { createLogger } from '../../src/log.js'

const directoryOf = (t: Test): string => {
  const directory = mkdtempSync('/var/tmp/ringvol-source-')
  t.teardown(() => {
    rmSync(directory, { recursive: true })
  })
  return directory
}

t.test('a path is a file, with and without its scheme, even with a colon in it', async (t) => {
  const directory = directoryOf(t)
  for (const name of ['disk.img', 'a:b.img', 'UPPER:x']) {
    const path = join(directory, name)
    writeFileSync(path, Buffer.alloc(4096))
    for (const source of [path, `file:${path}`]) {
      const backend = await openSource(source)
      await backend.open()
      t.equal(backend.name, `file:${path}`)
      t.equal(backend.size, 4096)
      await backend.close()
    }
  }
  const before = cwd()
  chdir(directory)
  const backend = await openSource('disk.img')
  await backend.open()
  await backend.close()
  chdir(before)
})

t.test('memory and null take their size from the source or from --size', async (t) => {
  for (const [source, size] of [
    ['memory:64K', undefined],
    ['memory:', 65536],
    ['memory:64K', 65536],
    ['null:64K', undefined],
    ['null:', 65536],
  ] as const) {
    const backend = await openSource(source, { size })
    await backend.open()
    t.equal(backend.size, 65536, source)
    t.equal(backend.file, undefined)
    await backend.close()
  }
})

t.test('a source that cannot be is refused with what would be right', async (t) => {
  for (const [source, options, code, message] of [
    [
      'flie:disk.img',
      {},
      'ERR_SOURCE',
      /did you mean 'file'\? known kinds: file, memory, null, module.*'\.\/flie:disk\.img'/,
    ],
    ['https://x/y', {}, 'ERR_SOURCE', /known kinds/],
    ['constructor:x', {}, 'ERR_SOURCE', /unknown kind/],
    ['file:', {}, 'ERR_SOURCE', /nothing follows 'file:'; write file:PATH/],
    ['module:', {}, 'ERR_SOURCE', /write module:FILE\.js/],
    ['memory:', {}, 'ERR_SIZE', /memory:SIZE/],
    ['memory:lots', {}, 'ERR_SIZE', /'lots' is not a size/],
    ['memory:1000', {}, 'ERR_SIZE', /multiple of 512/],
    ['null:0', {}, 'ERR_SIZE', /multiple of 512/],
    ['memory:64K', { size: 512 }, 'ERR_SIZE', /disagree/],
    ['memory:64K', { direct: true }, 'ERR_USAGE', /--direct/],
    ['memory:64K', { layers: ['slow'] }, 'ERR_USAGE', /unknown layer 'slow'/],
  ] as const) {
    await t.rejects(openSource(source, options), { code, message }, source)
  }
})

t.test('read-only holds for every kind of source', async (t) => {
  const path = join(directoryOf(t), 'image')
  writeFileSync(path, Buffer.alloc(4096))
  const module = join(directoryOf(t), 'backend.mjs')
  writeFileSync(
    module,
    `import { Buffer } from 'node:buffer'
    export default ({ readOnly }) => ({ name: 'm' + readOnly, size: 4096, blockSize: 512, can: { write: true },
      async open() {}, read(t) { t.fill(0) }, write() { throw new Error('written') }, async close() {} })`,
  )
  for (const source of [path, 'memory:64K', 'null:64K', `module:${module}`]) {
    const backend = await openSource(source, { readOnly: true })
    await backend.open()
    t.equal(backend.can.write, false, source)
    t.throws(() => backend.write(Buffer.alloc(512), 0), { code: 'ERR_BACKEND', errno: 30 }, 'EROFS')
    t.equal(backend.file !== undefined, source === path, 'only a plain file offers its descriptor')
    await backend.close()
  }
})

t.test('a layer takes the descriptor away from the ring, and says what that does to --direct', async (t) => {
  const path = join(directoryOf(t), 'image')
  const lines: string[] = []
  const logger = Object.assign(Object.create(createLogger({ level: 'silent' })) as ReturnType<typeof createLogger>, {
    warn: (line: string) => {
      lines.push(line)
    },
  })
  const backend = await openSource(path, { size: 4096, layers: ['log'], direct: true, logger })
  await backend.open()
  t.equal(backend.file, undefined)
  t.match(lines.join(), /--direct has no effect/)
  await backend.close()
})

t.test('the first layer named is the innermost', async (t) => {
  for (const [layers, code] of [
    [['readonly', 'error:op=read'], 5],
    [['error:op=read', 'readonly'], 5],
  ] as const) {
    const backend = await openSource('memory:64K', { layers })
    await backend.open()
    t.throws(() => backend.read(Buffer.alloc(1), 0), { code: 'ERR_BACKEND', errno: code })
    t.equal(backend.can.write, false)
    await backend.close()
  }
  // The counter of the inner layer sees only what the outer one lets through.
  const backend = await openSource('memory:64K', { layers: ['error:nth=2,errno=ENOSPC', 'error:nth=1,errno=EROFS'] })
  await backend.open()
  const read = (): unknown => backend.read(Buffer.alloc(1), 0)
  t.throws(read, { code: 'ERR_BACKEND', errno: 30 }, 'first: the outer')
  t.doesNotThrow(read, 'second: first of the inner')
  t.throws(read, { code: 'ERR_BACKEND', errno: 28 }, 'third: second of the inner')
})

t.test('a source can be described, even while it is exported, without a trace', async (t) => {
  const path = join(directoryOf(t), 'image')
  const exported = await openSource(path, { size: 1024 * 1024 })
  await exported.open()
  await exported.write(Buffer.alloc(65536, 1), 0)
  await exported.flush()
  t.match(await describeSource(path), { source: path, scheme: 'file', format: 'raw', size: 1024 * 1024 })
  t.ok((await describeSource(path)).allocated >= 65536)
  t.strictSame(await describeSource('memory:1M'), {
    source: 'memory:1M',
    scheme: 'memory',
    format: 'raw',
    size: 1024 * 1024,
    allocated: 0,
    blockSize: 4096,
  })
  await exported.close()
  await t.rejects(describeSource(join(path, '..', 'none')), { code: 'ERR_IMAGE_MISSING', message: /there is no image/ })
})
