/**
 * Layers that hold requests back: none is lost, none overtakes another, and the volume can still be closed.
 */
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { checked, type CheckedBackend } from '../../src/backend/checked.js'
import { MemoryBackend } from '../../src/backend/memory.js'
import { composeLayers } from '../../src/layer/registry.js'
import { silentLogger } from '../../src/log.js'

const size = 1024 * 1024

/** Notes the offset of each write, in the order in which they reach it. */
class Noting extends MemoryBackend {
  readonly offsets: number[] = []
  override write(source: Buffer, offset: number): void {
    this.offsets.push(offset)
    super.write(source, offset)
  }
}

const inside = async (spec: string, memory = new Noting(size)): Promise<CheckedBackend> => {
  const backend = checked(composeLayers([spec], memory, { logger: silentLogger }))
  await backend.open()
  return backend
}

const triggerFile = (t: Test): string => {
  const directory = mkdtempSync('/var/tmp/ringvol-hold-')
  t.teardown(() => {
    rmSync(directory, { recursive: true })
  })
  return join(directory, 'trigger')
}

const later = async (answer: void | Promise<void>): Promise<'answered' | 'held'> =>
  Promise.race([Promise.resolve(answer).then(() => 'answered' as const), sleep(100, 'held' as const)])

t.test('pause: holds while its file exists, and lets go in order when it is removed', async (t) => {
  const trigger = triggerFile(t)
  const memory = new Noting(size)
  const backend = await inside(`pause:while=${trigger}`, memory)
  t.equal(backend.write(Buffer.alloc(512), 0), undefined, 'at once as long as there is no file')
  writeFileSync(trigger, '')
  const answers = [3, 1, 2].map((place) => backend.write(Buffer.alloc(512, place), place * 512))
  const read = backend.read(Buffer.alloc(512), 0)
  const flush = backend.flush()
  t.strictSame(await Promise.all([...answers, read, flush].map(later)), Array(5).fill('held'))
  t.strictSame(memory.offsets, [0])
  unlinkSync(trigger)
  // The one that comes after the file is gone, and before anybody has noticed, is not the first to go.
  answers.push(backend.write(Buffer.alloc(512), 512 * 9))
  await Promise.all([...answers, read, flush])
  t.strictSame(
    memory.offsets,
    [0, 3, 1, 2, 9].map((place) => place * 512),
  )
})

t.test('pause: without another request the end of it is noticed too, and close waits for what is held', async (t) => {
  const trigger = triggerFile(t)
  const memory = new Noting(size)
  const backend = await inside(`pause:while=${trigger}`, memory)
  writeFileSync(trigger, '')
  const answer = backend.write(Buffer.alloc(512), 0)
  const closed = backend.close()
  t.equal(await later(closed), 'held')
  unlinkSync(trigger)
  await answer
  await closed
  t.strictSame(memory.offsets, [0])
})

t.test('pause: only the operation named is held', async (t) => {
  const trigger = triggerFile(t)
  const backend = await inside(`pause:op=flush,while=${trigger}`)
  writeFileSync(trigger, '')
  t.equal(backend.write(Buffer.alloc(512), 0), undefined)
  t.equal(backend.read(Buffer.alloc(512), 0), undefined)
  const flush = backend.flush()
  t.equal(await later(flush), 'held')
  unlinkSync(trigger)
  await flush
})

t.test('pause: from one signal to the next', async (t) => {
  const heard = process.listenerCount('SIGWINCH')
  const memory = new Noting(size)
  const backend = await inside('pause:signal=SIGWINCH', memory)
  process.emit('SIGWINCH', 'SIGWINCH')
  const answers = [2, 1].map((place) => backend.write(Buffer.alloc(512), place * 512))
  t.strictSame(await Promise.all(answers.map(later)), ['held', 'held'])
  process.emit('SIGWINCH', 'SIGWINCH')
  t.strictSame(memory.offsets, [1024, 512], 'the signal itself lets go')
  for (const answer of answers) await answer
  await backend.close()
  t.equal(process.listenerCount('SIGWINCH'), heard)
})

t.test('pause: an error of a request that was held is its answer', async (t) => {
  const trigger = triggerFile(t)
  const memory = new Noting(size)
  memory.write = () => {
    throw new Error('no')
  }
  const backend = await inside(`pause:while=${trigger}`, memory)
  writeFileSync(trigger, '')
  const answer = backend.write(Buffer.alloc(512), 0)
  unlinkSync(trigger)
  await t.rejects(Promise.resolve(answer), { message: 'no' })
})

/** Milliseconds for `count` requests of `length` bytes, all at once. */
const timed = async (backend: CheckedBackend, count: number, length: number): Promise<number> => {
  const started = performance.now()
  await Promise.all(
    Array.from({ length: count }, async (_, index) => backend.write(Buffer.alloc(length), index * length)),
  )
  return performance.now() - started
}

t.test('rate: bytes and requests take the time that was asked for, in order, and none is dropped', async (t) => {
  for (const [spec, count, length, expected] of [
    ['rate:bytes=1M', 50, 4096, 195],
    ['rate:ops=200', 40, 512, 200],
    ['rate:bytes=1G,ops=200', 40, 4096, 200],
    ['rate:ops=20000', 4000, 8, 200],
  ] as const) {
    const memory = new Noting(size)
    const took = await timed(await inside(spec, memory), count, length)
    t.strictSame(
      memory.offsets,
      Array.from({ length: count }, (_, index) => index * length),
      `${spec}: in order`,
    )
    t.ok(took >= expected - 15, `${spec}: ${took.toFixed(0)} ms are not too few`)
    t.ok(took < expected + 500, `${spec}: ${took.toFixed(0)} ms are not too many`)
  }
})

t.test('rate: an idle disk saves nothing up', async (t) => {
  const backend = await inside('rate:ops=100')
  await timed(backend, 1, 512)
  await sleep(200)
  const took = await timed(backend, 20, 512)
  t.ok(took >= 180, `${took.toFixed(0)} ms`)
})

t.test('rate: what is not named passes at once, and a flush has no bytes', async (t) => {
  const backend = await inside('rate:op=write,bytes=512')
  t.equal(backend.read(Buffer.alloc(4096), 0), undefined)
  const slow = await inside('rate:bytes=1M')
  const flush = slow.flush()
  t.equal(await later(flush), 'answered', 'the length of the volume is not what a flush moves')
  t.equal(await later(slow.trim(0, size)), 'answered')
})

t.test('rate: close waits for what is held', async (t) => {
  const memory = new Noting(size)
  const backend = await inside('rate:ops=20', memory)
  const answers = Promise.all([0, 512, 1024].map(async (offset) => backend.write(Buffer.alloc(512), offset)))
  await backend.close()
  await answers
  t.strictSame(memory.offsets, [0, 512, 1024])
})
