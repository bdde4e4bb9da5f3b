/** What somebody does to an image that is exported is noticed, and said once. */
import { chmodSync, ftruncateSync, renameSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { ImageWatch } from '../../src/backend/image-watch.js'

const size = 1 << 20

const watching = async (t: Test, write = true) => {
  const path = join(t.testdir({}), 'image')
  writeFileSync(path, Buffer.alloc(size), { mode: 0o600 })
  const handle = await open(path, 'r+')
  const lines: string[] = []
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  const watch = new ImageWatch({ name: 'file:image', path, handle, size, write }, logger)
  t.teardown(async () => {
    await watch.stop()
    await handle.close()
  })
  return { path, handle, lines, watch, end: () => watch.end[0] }
}

t.test('an image that nobody touches, or that grows, is as it was', async (t) => {
  const { path, watch, lines, end } = await watching(t)
  await watch.look()
  truncateSync(path, 2 * size)
  await watch.look()
  t.strictSame(lines, [])
  t.equal(watch.changed, false)
  t.equal(end(), Infinity)
})

t.test('what was cut off stays lost, even if the file becomes longer again', async (t) => {
  const { handle, watch, lines, end } = await watching(t)
  ftruncateSync(handle.fd, size / 2)
  await watch.look()
  t.equal(end(), size / 2)
  ftruncateSync(handle.fd, size)
  await watch.look()
  t.equal(end(), size / 2)
  ftruncateSync(handle.fd, 512)
  await Promise.all([watch.look(), watch.look()])
  t.equal(end(), 512, 'shorter still')
  t.equal(watch.changed, true)
  t.match(lines, [/cut short to 524288 bytes/], 'said once')
})

t.test('another file in its place, and none, are noticed; the open file is as it was', async (t) => {
  const replaced = await watching(t)
  renameSync(replaced.path, `${replaced.path}.old`)
  writeFileSync(replaced.path, 'other')
  await replaced.watch.look()
  await replaced.watch.look()
  t.match(replaced.lines, [/names another file now/])
  t.equal(replaced.end(), Infinity)
  const removed = await watching(t)
  unlinkSync(removed.path)
  await removed.watch.look()
  t.match(removed.lines, [/names nothing now/])
})

t.test('an image that may not be written any more is noticed, unless nobody writes it', async (t) => {
  for (const write of [true, false]) {
    const { path, watch, lines } = await watching(t, write)
    chmodSync(path, 0)
    await watch.look()
    await watch.look()
    t.equal(watch.changed, write)
    t.equal(lines.filter((line) => line.includes('nobody may write it any more')).length, write ? 1 : 0)
  }
})

t.test('nobody has to ask: it looks by itself, and not after its end', async (t) => {
  const { path, watch, lines } = await watching(t)
  truncateSync(path, 0)
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (!watch.changed) return
      clearInterval(timer)
      resolve()
    }, 20)
  })
  t.equal(lines.length, 1)
  await watch.stop()
  unlinkSync(path)
  await watch.look()
  t.equal(lines.length, 1)
})
