/**
 * fsx finds what is planted, says where, and makes it short: a judge that never complains would make every run pass.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { requires } from '../support/requires.js'
import { sparseImage } from '../support/ringvol.js'
import { randomFrom, seeded } from '../support/seed.js'
import { sweep } from '../support/sweep.js'
import { check, formatLog, hunt, parseLog, runOnce, type OpenTarget, type Settings } from './hunt.js'
import { Model } from './model.js'
import {
  formatOperation,
  generate,
  modes,
  parseOperation,
  targetNames,
  type Ground,
  type Operation,
} from './operation.js'
import type { Target } from './runner.js'
import { shrink } from './shrink.js'
import { deviceSession } from './targets.js'

t.teardown(() => {
  sweep()
})
const { seed } = seeded(t)
const size = 300 * 1024 + 512
const ground: Settings = { target: 'volume', mode: 'buffered', size, transport: 'none', seed }
const logs = mkdtempSync(join(tmpdir(), 'ringvol-fsx-'))
t.teardown(() => {
  rmSync(logs, { recursive: true })
})

/** A volume in memory that does what a model does, but for what `fault` makes of it. */
const faulty =
  (fault: (operation: Operation, model: Model) => void, atEnd: (image: Buffer) => void = () => undefined): OpenTarget =>
  () => {
    const model = new Model(ground)
    const target: Target = {
      session: (lines) => {
        for (const [index, line] of lines.entries()) {
          const operation = parseOperation(line.slice(line.indexOf(' ')))
          const { answer, bytes = Buffer.alloc(0) } = model.apply(operation)
          if (answer !== line.split(' ')[0]) return Promise.resolve({ index, answer, bytes })
          fault(operation, model)
        }
        return Promise.resolve(undefined)
      },
      reattach: () => {
        fault({ verb: 'reattach', offset: 0, length: 0, stamp: 0 }, model)
        return Promise.resolve()
      },
      end: () => {
        atEnd(model.bytes)
        return Promise.resolve(model.bytes)
      },
    }
    return Promise.resolve(target)
  }

const messageOf = (promise: Promise<void>): Promise<string> =>
  promise.then(
    () => 'nothing found',
    (error: unknown) => String(error),
  )
/** The operations that the report says are enough. */
const shortOf = (message: string): Operation[] =>
  parseLog(readFileSync(/--replay (\S+)/.exec(message)?.[1] ?? '', 'utf8')).operations

t.test('a volume that does as the model does is not complained of', async (t) => {
  for (const mode of modes) {
    for (const target of targetNames) {
      const settings = { ...ground, mode, target }
      const open: OpenTarget = () => faulty(() => undefined)(settings)
      // The fake knows files only; of a device no operation may reach behind the end.
      const operations = generate(settings, randomFrom(seed), 400).filter(
        ({ verb, offset, length }) => !/punch|zero/.test(verb) || offset + length <= size,
      )
      t.equal(await runOnce(settings, operations, open), undefined, `${target}, ${mode}`)
    }
  }
})

t.test('each planted fault is found, and few operations are left of a thousand', async (t) => {
  const overlaps = ({ offset, length }: Operation, at: number): boolean => offset <= at && offset + length > at
  const faults: Record<string, OpenTarget> = {
    'a byte of a write that crosses 64 KiB is lost': faulty((operation, model) => {
      if (operation.verb === 'write' && operation.offset < 65536 && overlaps(operation, 65536)) model.bytes[65536] = 0
    }),
    'a punched range keeps its last byte': faulty(({ verb, offset, length }, model) => {
      if (verb === 'punch' && offset + length < size) model.bytes[offset + length - 1] = 1
    }),
    'a zeroed range is one byte too long': faulty(({ verb, offset, length }, model) => {
      if (verb === 'zero' && offset + length < size) model.bytes[offset + length] = 0
    }),
    'the image afterwards lacks what was read': faulty(
      () => undefined,
      // Not zeroed: the last operation there may have left zeros.
      (image) => image.fill(0x5a, 1000, 1100),
    ),
  }
  for (const [what, open] of Object.entries(faults)) {
    const message = await messageOf(hunt(ground, 1000, { open, logs }))
    t.match(message, /at offset \d+ expected byte \d+, got \d+/, what)
    const short = shortOf(message)
    t.ok(short.length <= 4, `${what}: ${String(short.length)} operations: ${short.map(formatOperation).join('; ')}`)
    t.match(await messageOf(check(ground, short, { open, logs, shrinkFor: 0 })), /at offset/, `${what}: and replays`)
  }
})

t.test('a wrong answer is found as well as wrong bytes', async (t) => {
  const grown: OpenTarget = async (settings) => {
    const target = await faulty(() => undefined)(settings)
    const session: Target['session'] = async (lines) => {
      const index = lines.findIndex((line) => line.startsWith('-28 write'))
      return index === -1 ? target.session(lines) : { index, answer: '512', bytes: Buffer.alloc(0) }
    }
    return { ...target, session }
  }
  const message = await messageOf(hunt(ground, 1000, { open: grown, logs }))
  t.match(message, /write \d+ \d+ \d+: expected the answer -28, got 512/)
  t.equal(shortOf(message).length, 1)
})

t.test('a daemon that fails is reported with its log, not made short', async (t) => {
  const open: OpenTarget = async (settings) => ({
    ...(await faulty(() => undefined)(settings)),
    session: () => Promise.reject(new Error('no end within 120000 ms')),
  })
  t.match(await messageOf(hunt(ground, 10, { open, logs })), /seed \d+: Error: no end within[^]*--replay \S+-all\.log/)
})

t.test('shrinking leaves what is needed, wherever it stands', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(199), { minLength: 1, maxLength: 4 }), async (needed) => {
      const fails = (items: readonly number[]): Promise<boolean> =>
        Promise.resolve(needed.every((item) => items.includes(item)))
      const all = Array.from({ length: 200 }, (_, index) => index)
      const short = await shrink(all, fails, { tries: 10_000, until: Infinity })
      return short.join(' ') === needed.toSorted((a, b) => a - b).join(' ')
    }),
    { seed },
  )
  t.pass('each of them')
})

t.test('a log says what was done and where, and is read back', (t) => {
  for (const mode of modes) {
    for (const target of targetNames) {
      const settings = { ...ground, mode, target }
      const operations = generate(settings, randomFrom(seed), 500)
      t.strictSame(parseLog(formatLog(settings, operations)), { settings, operations })
    }
  }
  for (const wrong of ['write 1 2', 'write 1 2 x', 'write 1 0 1', 'fsync 1', 'erase 1 2 3', 'read -1 2 0'])
    t.throws(() => parseOperation(wrong), /not an operation/, wrong)
  t.throws(() => parseLog('write 1 2 3\n'), /not a log of fsx/)
  t.end()
})

t.test('drawn operations keep to what a device and O_DIRECT can do', (t) => {
  const draw = (part: Partial<Ground>): Operation[] => generate({ ...ground, ...part }, randomFrom(seed), 2000)
  const aligned = ({ offset, length }: Operation): boolean => offset % 512 === 0 && length % 512 === 0
  t.ok(draw({ mode: 'direct' }).every(aligned))
  t.ok(draw({ target: 'loop' }).every((operation) => !/punch|zero/.test(operation.verb) || aligned(operation)))
  t.notOk(draw({}).every(aligned), 'and else to nothing')
  t.ok(draw({ mode: 'mmap' }).every(({ verb, offset, length }) => !verb.startsWith('map') || offset + length <= size))
  const drawn = draw({})
  t.ok(
    drawn.some(({ verb, offset }) => verb === 'write' && offset >= size),
    'writes behind the end',
  )
  t.ok(
    drawn.some(({ verb, offset, length }) => verb === 'write' && offset < size && offset + length > size),
    'across it',
  )
  t.end()
})

/** The helper program on a plain file, whose end is not that of a volume, and which may lie on a tmpfs. */
const plainFile =
  (between: (path: string) => void): OpenTarget =>
  ({ mode }) => {
    const path = sparseImage(size)
    return Promise.resolve({
      session: (lines) => deviceSession(path, mode, 'file', lines),
      reattach: () => {
        between(path)
        return Promise.resolve()
      },
      end: () => Promise.resolve(readFileSync(path)),
    })
  }

t.test(
  'the helper does what it is told, and a byte changed behind its back is found where it is',
  { skip: requires('command:g++') },
  async (t) => {
    // prettier-ignore
    for (const mode of ['buffered', 'mmap'] as const) {
    const settings = { ...ground, mode }
    const operations = generate(settings, randomFrom(seed), 600).filter(
      ({ verb, offset, length }) => verb !== 'zero' && verb !== 'reattach' && offset + length <= size,
    )
    t.equal(await runOnce(settings, operations, plainFile(() => undefined)), undefined, mode)
    const spoil = plainFile((path) => {
      const fd = openSync(path, 'r+')
      writeSync(fd, Buffer.from([0xee]), 0, 1, 4097)
      closeSync(fd)
    })
    const spoilt = ['write 0 8192 1', 'fsync', 'reattach', 'read 4000 512 0', 'write 4096 10 2'].map(parseOperation)
    const found = await runOnce(settings, spoilt, spoil)
    t.match(found, { index: 3, what: /^read 4000 512 0: at offset 4097 expected byte \d+, got 238; 1 bytes differ$/ })
  }
  },
)
