/**
 * Logs that are read: good ones up to any point, bad ones to one clear error.
 */
import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { MemoryBackend } from '../../src/backend/memory.js'
import { encodeHeader, encodeSuper, logFlags } from '../../src/layer/record/format.js'
import { WriteLog } from '../../src/layer/record/reader.js'
import { replayLog } from '../../src/layer/record/replay.js'
import { contents, directoryOf, entriesOf, recording, replayed, size } from '../support/recording.js'

/** A good log of three writes behind the size mark, to be spoilt. */
const sound = async (t: Test): Promise<string> => {
  const { backend, log } = await recording(t, new MemoryBackend(size))
  for (const value of [1, 2, 3]) await backend.write(Buffer.alloc(1024, value), value * 4096)
  await backend.close()
  return log
}

t.test('a log that is none, damaged or cut short is one clear error', async (t) => {
  const patched = (at: number, bytes: Buffer) => (log: string) => {
    const all = readFileSync(log)
    bytes.copy(all, at)
    writeFileSync(log, all)
  }
  for (const [name, spoil, message] of [
    [
      'empty',
      (log: string) => {
        truncateSync(log, 0)
      },
      /log: it is not a log of writes$/,
    ],
    ['something else', patched(0, Buffer.from('hello')), /it is not a log of writes/],
    ['version 2', patched(8, Buffer.from([2])), /has version 2 of the format/],
    ['sector size 100', patched(24, Buffer.from([100, 0, 0, 0])), /its sector size is 100/],
    [
      'half a header',
      (log: string) => {
        truncateSync(log, 512 * 2 + 100)
      },
      /entry 2 of 4 is not all there.*--to 1 rep/,
    ],
    [
      'half the data',
      (log: string) => {
        truncateSync(log, statSync(log).size - 1)
      },
      /entry 4 of 4 is not.*--to 3 /,
    ],
    [
      'nothing but the super block',
      (log: string) => {
        truncateSync(log, 512)
      },
      /entry 1 of 4 is not all there: the log is cut short$/,
    ],
    ['zeros for a header', patched(512 * 2, Buffer.alloc(32)), /entry 2 of 4 is none: the log is damaged; --to 1 /],
    ['noise for a header', patched(512 * 2, Buffer.alloc(512, 0xa5)), /entry 2 of 4 is none/],
  ] as const) {
    // prettier-ignore
    const log = await sound(t)
    spoil(log)
    await t.rejects(replayed(log), { code: 'ERR_LOG', message }, name)
  }
  await t.rejects(WriteLog.open('/nonexistent/log'), { code: 'ERR_LOG', message: /cannot read the log.*ENOENT/ })
})

t.test('what a killed recorder left behind its last counted entry is not there', async (t) => {
  const log = await sound(t)
  const before = await replayed(log)
  appendFileSync(log, encodeHeader({ sector: 0, sectors: 8, flags: 0, mark: '' }, 512))
  t.ok((await replayed(log)).equals(before))
})

t.test('replay up to a mark, and no further; none of that name is an error', async (t) => {
  const marks = join(directoryOf(t), 'marks')
  const { backend, log: path } = await recording(t, new MemoryBackend(size), `,marks=${marks}`)
  await backend.write(Buffer.alloc(512, 1), 0)
  writeFileSync(marks, 'here\n')
  await backend.write(Buffer.alloc(512, 2), 0)
  await backend.close()
  const log = await WriteLog.open(path)
  const memory = new MemoryBackend(size)
  await replayLog(log, memory, { toMark: 'here' })
  t.equal(contents(memory)[0], 1)
  await t.rejects(replayLog(log, memory, { toMark: 'there' }), { code: 'ERR_LOG', message: /has no mark 'there'/ })
  await t.rejects(replayLog(log, memory, { to: 99 }), { message: /has no entry 99, only 4; ringvol replay --list/ })
  await log.close()
})

t.test('an entry beyond the end of the image is an error', async (t) => {
  const path = await sound(t)
  const log = await WriteLog.open(path)
  const message = /entry 3 goes to byte 9216, memory:8192 has 8192; the image must be as large/
  await t.rejects(replayLog(log, new MemoryBackend(8192)), { code: 'ERR_LOG', message })
  await log.close()
})

t.test('logs of the kernel are read: other sector sizes, flags on writes, no size', async (t) => {
  const path = join(directoryOf(t), 'log')
  const header = (sector: number, sectors: number, flags: number): Buffer =>
    encodeHeader({ sector, sectors, flags, mark: '' }, 4096)
  writeFileSync(
    path,
    Buffer.concat([
      encodeSuper({ entries: 3, sectorSize: 4096 }),
      header(1, 2, logFlags.flush | logFlags.fua | 16),
      Buffer.alloc(8192, 5),
      header(2, 1, logFlags.discard),
      header(0, 0, logFlags.flush),
    ]),
  )
  t.match(await entriesOf(path), [
    { kind: 'write', offset: 4096, length: 8192, flush: true, fua: true },
    { kind: 'discard', offset: 8192, length: 4096, flush: false, fua: false },
    { kind: 'flush', length: 0, flush: true },
  ])
  const bytes = await replayed(path)
  t.strictSame([bytes[4095], bytes[4096], bytes[8191], bytes[8192]], [0, 5, 5, 0])
  const log = await WriteLog.open(path)
  t.equal(await log.volumeSize(), undefined)
  await log.close()
})
