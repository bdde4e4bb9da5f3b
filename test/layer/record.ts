/**
 * The recorder: what is logged, in which order, and that any point of it can be had again.
 */
import fs, { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { type Capabilities } from '../../src/backend/backend.js'
import { checked } from '../../src/backend/checked.js'
import { MemoryBackend } from '../../src/backend/memory.js'
import { ForwardLayer } from '../../src/layer/forward.js'
import { decodeHeader, encodeHeader, encodeSuper, logFlags } from '../../src/layer/record/format.js'
import { WriteLog } from '../../src/layer/record/reader.js'
import { replayLog } from '../../src/layer/record/replay.js'
import { composeLayers } from '../../src/layer/registry.js'
import { type Logger, silentLogger } from '../../src/log.js'
import { contents, directoryOf, entriesOf, recording, replayed, size, summary } from '../support/recording.js'
import { seeded } from '../support/seed.js'

t.test('super block and headers are the bytes of dm-log-writes', (t) => {
  const start = encodeSuper({ entries: 0x0102, sectorSize: 512 })
  t.equal(start.length, 512)
  // __le64 magic, version, nr_entries; __le32 sectorsize
  t.equal(start.toString('hex', 0, 28), '7268737766736a00' + '0100000000000000' + '0201000000000000' + '00020000')
  t.ok(start.subarray(28).every((byte) => byte === 0))
  const write = encodeHeader({ sector: 0x1234, sectors: 8, flags: 0, mark: '' }, 512)
  // __le64 sector, nr_sectors, flags, data_len
  t.equal(
    write.toString('hex', 0, 32),
    '3412000000000000' + '0800000000000000' + '0000000000000000' + '0000000000000000',
  )
  const mark = encodeHeader({ sector: 0, sectors: 0, flags: logFlags.mark, mark: 'one' }, 512)
  t.equal(mark.toString('hex', 16, 36), '0800000000000000' + '0300000000000000' + '6f6e6500')
  t.strictSame(decodeHeader(mark), { sector: 0, sectors: 0, flags: 8, mark: 'one' })
  t.equal(decodeHeader(Buffer.alloc(512)), undefined)
  t.equal(decodeHeader(Buffer.alloc(512, 0xff)), undefined)
  t.end()
})

t.test('every change is in the log, in order, and a read is not', async (t) => {
  const { backend, log } = await recording(t, new MemoryBackend(size))
  await backend.write(Buffer.alloc(1024, 1), 512)
  await backend.read(Buffer.alloc(512), 0)
  await backend.flush()
  await backend.trim(4096, 4096)
  await backend.zero(8192, 512)
  t.strictSame(await summary(log), [
    `size=${String(size)}`,
    'write 512+1024',
    'flush',
    'discard 4096+4096',
    'write 8192+512',
  ])
  const [, , flush] = await entriesOf(log)
  t.match(flush, { number: 3, flush: true, fua: false })
  await backend.close()
})

t.test('any point of a long random mix can be had again', async (t) => {
  const random = seeded(t)
  const memory = new MemoryBackend(size)
  const { backend, log } = await recording(t, memory)
  const states: { entries: number; bytes: Buffer }[] = []
  for (let step = 0; step < 300; step += 1) {
    // Half of them unaligned, so that sectors are logged as what they hold.
    const unit = random.below(2) === 0 ? 512 : 1
    const offset = random.below(100 * 512) & -unit
    const length = Math.min(size - offset, (1 + random.below(8 * 512) + unit) & -unit)
    const kind = random.below(8)
    if (kind < 5) await backend.write(Buffer.alloc(length, step), offset)
    else if (kind === 5) await backend.trim(offset, length)
    else if (kind === 6) await backend.zero(offset, length)
    else await backend.flush()
    const file = await WriteLog.open(log)
    states.push({ entries: file.count, bytes: contents(memory) })
    await file.close()
  }
  await backend.close()
  for (let index = random.below(7); index < states.length; index += 7) {
    const { entries, bytes } = states[index] ?? { entries: 0, bytes: Buffer.alloc(0) }
    t.ok((await replayed(log, entries)).equals(bytes), `after entry ${String(entries)}`)
  }
  t.ok((await replayed(log)).equals(states.at(-1)?.bytes ?? Buffer.alloc(0)), 'at the end')
  t.ok((await replayed(log, 0)).equals(Buffer.alloc(size)), 'before anything')
})

t.test('a replay can be continued', async (t) => {
  const { backend, log: path } = await recording(t, new MemoryBackend(size))
  for (const value of [1, 2, 3]) await backend.write(Buffer.alloc(512, value), 0)
  await backend.close()
  const log = await WriteLog.open(path)
  const memory = new MemoryBackend(size)
  await replayLog(log, memory, { to: 2 })
  t.equal(contents(memory)[0], 1)
  await replayLog(log, memory, { from: 2, to: 3 })
  t.equal(contents(memory)[0], 2)
  await replayLog(log, memory, { from: 3 })
  t.equal(contents(memory)[0], 3)
  await log.close()
})

/** Holds flushes until told. */
class SlowFlush extends ForwardLayer {
  readonly waiting: { done: () => void; failed: (error: Error) => void }[] = []

  override get can(): Capabilities {
    return { ...super.can, flush: true }
  }

  override flush(): Promise<void> {
    return new Promise((done, failed) => {
      this.waiting.push({ done, failed })
    })
  }
}

t.test('a flush stands where it was sent, and what completes meanwhile is answered behind it', async (t) => {
  const slow = new SlowFlush(new MemoryBackend(size))
  const { backend, log } = await recording(t, slow)
  await backend.write(Buffer.alloc(512, 1), 0)
  const flush = Promise.resolve(backend.flush())
  let answered = false
  const write = Promise.resolve(backend.write(Buffer.alloc(512, 2), 512)).then(() => (answered = true))
  const second = Promise.resolve(backend.flush())
  while (slow.waiting.length < 2) await setImmediate()
  slow.waiting[1]?.done()
  for (let turn = 0; turn < 20; turn += 1) await setImmediate()
  t.equal(answered, false, 'it is not in the log yet')
  t.strictSame((await summary(log)).slice(1), ['write 0+512'])
  slow.waiting[0]?.done()
  await Promise.all([flush, write, second])
  t.strictSame((await summary(log)).slice(1), ['write 0+512', 'flush', 'write 512+512', 'flush'])
  await backend.close()
})

t.test('a flush that failed is not in the log, nor is a write that did', async (t) => {
  const memory = new MemoryBackend(size)
  const slow = new SlowFlush(memory)
  const { backend, log } = await recording(t, slow)
  const flush = Promise.resolve(backend.flush())
  while (slow.waiting.length < 1) await setImmediate()
  const write = Promise.resolve(backend.write(Buffer.alloc(512), 0))
  slow.waiting[0]?.failed(new Error('no'))
  await t.rejects(flush, { message: 'no' })
  await write
  memory.write = () => {
    throw new Error('neither')
  }
  await t.rejects(async () => backend.write(Buffer.alloc(512), 512), { message: 'neither' })
  t.strictSame((await summary(log)).slice(1), ['write 0+512'])
  await backend.close()
})

t.test('zeros take no space in the log, and are cut into pieces', async (t) => {
  const large = 64 * 1024 * 1024
  const { backend, log } = await recording(t, new MemoryBackend(large))
  await backend.zero(0, large)
  const { size: length, blocks } = statSync(log)
  t.ok(length > large, `${String(length)} bytes`)
  t.ok(blocks * 512 < 1024 * 1024, `${String(blocks * 512)} allocated`)
  const writes = (await entriesOf(log)).slice(1)
  t.equal(writes.length, 16)
  t.ok(writes.every(({ kind, length }) => kind === 'write' && length === 4 * 1024 * 1024))
  await backend.close()
})

t.test('lines of the marks file are marks, each before the request that follows', async (t) => {
  const marks = join(directoryOf(t), 'marks')
  writeFileSync(marks, 'old\n')
  const { backend, log } = await recording(t, new MemoryBackend(size), `,marks=${marks}`)
  await backend.write(Buffer.alloc(512), 0)
  appendFileSync(marks, `one\ntwo\n${'x'.repeat(600)}\nhal`)
  await backend.write(Buffer.alloc(512), 512)
  appendFileSync(marks, 'f\n')
  await backend.flush()
  appendFileSync(marks, 'end\n')
  await backend.close()
  t.strictSame((await summary(log)).slice(1), [
    'write 0+512',
    'one',
    'two',
    'x'.repeat(479),
    'write 512+512',
    'half',
    'flush',
    'end',
  ])
})

t.test('a log that cannot be written fails this change and all that follow, and says so once', async (t) => {
  const errors: string[] = []
  const logger = { error: (line: string) => errors.push(line) } as unknown as Logger
  const memory = new MemoryBackend(size)
  const { backend, log } = await recording(t, memory, '', logger)
  await backend.write(Buffer.alloc(512, 1), 0)
  const write = fs.write
  t.teardown(() => {
    fs.write = write
  })
  fs.write = ((...args: unknown[]) => {
    const done = args.at(-1) as (error: Error, bytes: number) => void
    done(Object.assign(new Error('full'), { code: 'ENOSPC' }), 0)
  }) as unknown as typeof fs.write
  await t.rejects(async () => backend.write(Buffer.alloc(512, 2), 0), { code: 'ERR_LOG', message: /ENOSPC/ })
  fs.write = write
  for (const call of [
    () => backend.write(Buffer.alloc(512, 3), 512),
    () => backend.flush(),
    () => backend.trim(512, 512),
  ]) {
    await t.rejects(async () => call(), { code: 'ERR_LOG' })
  }
  t.equal(contents(memory)[512], 0, 'nothing that is not recorded is done')
  t.equal(errors.length, 1)
  t.strictSame((await summary(log)).slice(1), ['write 0+512'], 'the log is whole up to there')
  await backend.close()
})

t.test('a log is never written over, and the backend is closed again', async (t) => {
  const log = join(directoryOf(t), 'log')
  writeFileSync(log, 'precious')
  for (const [path, message] of [
    [log, /EEXIST; remove it, or give another name/],
    ['/nonexistent/log', /ENOENT; name a file in a folder that exists/],
  ] as const) {
    let closed = false
    const memory = new MemoryBackend(size)
    memory.close = () => {
      closed = true
      return Promise.resolve()
    }
    const backend = checked(composeLayers([`record:file=${path}`], memory, { logger: silentLogger }))
    await t.rejects(backend.open(), { code: 'ERR_LOG', message })
    t.ok(closed)
  }
  t.equal(readFileSync(log, 'utf8'), 'precious')
})
