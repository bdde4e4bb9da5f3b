/**
 * `ringvol replay` as a user meets it: what it prints, what it makes, and what it says when something is wrong.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checked } from '../../src/backend/checked.js'
import { MemoryBackend } from '../../src/backend/memory.js'
import { parseSettings } from '../../src/cli/options.js'
import { parse } from '../../src/cli/parse.js'
import { encodeSuper } from '../../src/layer/record/format.js'
import { composeLayers } from '../../src/layer/registry.js'
import { silentLogger } from '../../src/log.js'

const size = 64 * 1024

/** Runs a command line in this process; resolves to what it printed. */
const ringvol = async (...argv: string[]): Promise<string> => {
  const parsed = await parse(argv, {})
  if (parsed.kind === 'text') return parsed.text
  let printed = ''
  await parsed.command.run({
    ...parsed,
    settings: parseSettings(parsed.given),
    logger: silentLogger,
    print: (text) => {
      printed += text
    },
    report: () => undefined,
    environment: {},
  })
  return printed
}

interface Made {
  readonly directory: string
  readonly log: string
  readonly image: string
}

/** A log of: size mark, a write of ones, a flush, mark "half", a write of twos, a trim. */
const recorded = async (t: Test): Promise<Made> => {
  const directory = mkdtempSync('/var/tmp/ringvol-replay-')
  t.teardown(() => {
    rmSync(directory, { recursive: true })
  })
  const log = join(directory, 'log')
  const marks = join(directory, 'marks')
  const spec = `record:file=${log},marks=${marks}`
  const backend = checked(composeLayers([spec], new MemoryBackend(size), { logger: silentLogger }))
  await backend.open()
  await backend.write(Buffer.alloc(1024, 1), 0)
  await backend.flush()
  writeFileSync(marks, 'half\n')
  await backend.write(Buffer.alloc(512, 2), 512)
  await backend.trim(0, 512)
  await backend.close()
  return { directory, log, image: join(directory, 'image') }
}

const firstBytes = (image: string): number[] => [...readFileSync(image)].filter((_, at) => at % 512 === 0).slice(0, 3)

t.test('the entries as a table', async (t) => {
  const { log } = await recorded(t)
  t.equal(
    await ringvol('replay', '--list', log),
    `ENTRY  WHAT     OFFSET  LENGTH  MARK
1      mark     -       -       size=65536
2      write    0       1024    -
3      flush    -       -       -
4      mark     -       -       half
5      write    512     512     -
6      discard  0       512     -
`,
  )
  t.match(await ringvol('replay', '--list', log, '--from', '3', '--to', '4'), /^ENTRY.*\n4 +mark .*half\n$/)
})

t.test('the entries as JSON', async (t) => {
  const { log } = await recorded(t)
  const { entries, ...rest } = JSON.parse(await ringvol('replay', '--list', '--json', log)) as { entries: unknown[] }
  t.strictSame(rest, { log, count: 6, size })
  t.equal(entries.length, 6)
  t.strictSame(entries[1], { number: 2, kind: 'write', offset: 0, length: 1024, flush: false, fua: false, mark: '' })
})

t.test('an image that is not there is made, sparse, of the size that was recorded', async (t) => {
  const { log, image } = await recorded(t)
  t.equal(await ringvol('replay', log, image), '', 'it prints nothing')
  t.strictSame(firstBytes(image), [0, 2, 0])
  t.equal(statSync(image).size, size)
  t.equal(statSync(image).mode & 0o777, 0o600)
})

t.test('to an entry, to a mark, and on from there', async (t) => {
  const { log, image, directory } = await recorded(t)
  await ringvol('replay', '--to', '2', log, image)
  t.strictSame(firstBytes(image), [1, 1, 0])
  await ringvol('replay', '--from', '2', '--to', '5', log, image)
  t.strictSame(firstBytes(image), [1, 2, 0])
  const marked = join(directory, 'marked')
  await ringvol('replay', '--to-mark', 'half', log, marked)
  t.strictSame(firstBytes(marked), [1, 1, 0])
})

t.test('wrong usage and wrong logs are one line each, and make no image', async (t) => {
  const { log, image, directory } = await recorded(t)
  const cut = join(directory, 'cut')
  writeFileSync(cut, readFileSync(log))
  truncateSync(cut, statSync(log).size - 1)
  const kernel = join(directory, 'kernel')
  writeFileSync(kernel, encodeSuper({ entries: 0, sectorSize: 512 }))
  for (const [argv, code, message] of [
    [[log], 'ERR_USAGE', /there is no image; write 'ringvol replay LOG IMAGE', or --list/],
    [['--list', log, image], 'ERR_USAGE', /--list takes no image/],
    [['--json', log, image], 'ERR_USAGE', /--json is for --list/],
    [['--to', '1', '--to-mark', 'x', log, image], 'ERR_USAGE', /both given/],
    [['--from', '3', '--to', '2', log, image], 'ERR_USAGE', /--to 2 is before --from 3; a log cannot be/],
    [['--to', 'x', log, image], 'ERR_USAGE', /--to cannot be 'x'; give a whole number/],
    [['--to', '7', log, image], 'ERR_LOG', /has no entry 7, only 6/],
    [['--to-mark', 'x', log, image], 'ERR_LOG', /has no mark 'x'/],
    [[cut, image], 'ERR_LOG', /entry 6 of 6 is not all there: the log is cut short; --to 5 replays/],
    [[kernel, image], 'ERR_LOG', /does not say how large the volume was; create the image first/],
    [[directory, image], 'ERR_LOG', /cannot read the log.*EISDIR/],
    [[image, image], 'ERR_LOG', /cannot read the log.*ENOENT/],
  ] as const) {
    await t.rejects(ringvol('replay', ...argv), { code, message }, argv.join(' '))
    t.notOk(existsSync(image), argv.join(' '))
  }
  await ringvol('replay', '--to', '5', cut, image)
  t.strictSame(firstBytes(image), [1, 2, 0], 'as far as the line says it can be used')
})
