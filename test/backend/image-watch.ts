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
  const opened = await handle.stat()
  const watch = new ImageWatch({ name: 'file:image', path, handle, opened, size, write }, logger)
  t.teardown(async () => {
    await watch.stop()
    await handle.close()
  })
  return { path, handle, lines, watch, limits: () => [...watch.limits] }
}

t.test('an image that nobody touches, or that grows, is as it was', async (t) => {
  const { path, watch, lines, limits } = await watching(t)
  await watch.look()
  truncateSync(path, 2 * size)
  await watch.look()
  t.strictSame(lines, [])
  t.equal(watch.changed, false)
  t.strictSame(limits(), [Infinity, Infinity, Infinity])
})

t.test('what was cut off stays lost, even if the file becomes longer again', async (t) => {
  const { handle, watch, lines, limits } = await watching(t)
  ftruncateSync(handle.fd, size / 2)
  await watch.look()
  t.strictSame(limits(), [size / 2, size / 2, Infinity])
  ftruncateSync(handle.fd, size)
  await watch.look()
  t.strictSame(limits(), [size / 2, size / 2, Infinity])
  ftruncateSync(handle.fd, 512)
  await Promise.all([watch.look(), watch.look()])
  t.strictSame(limits(), [512, 512, Infinity], 'shorter still')
  t.equal(watch.changed, true)
  t.match(lines, [/cut short to 524288 bytes/], 'said once')
})

t.test('an image that was renamed goes on, also with another file in its place', async (t) => {
  const { path, watch, lines, limits } = await watching(t)
  renameSync(path, `${path}.old`)
  writeFileSync(path, 'other')
  await watch.look()
  await watch.look()
  t.match(lines, [/names another file now/])
  t.equal(lines.length, 1, 'said once')
  t.strictSame(limits(), [Infinity, Infinity, Infinity])
})

t.test('an image without a name takes no writes and no flushes, for they would be gone with it', async (t) => {
  const removed = await watching(t)
  unlinkSync(removed.path)
  await removed.watch.look()
  t.match(removed.lines, [/no name any more/])
  t.strictSame(removed.limits(), [Infinity, 0, 0])
  const replaced = await watching(t)
  writeFileSync(`${replaced.path}.new`, 'other')
  renameSync(`${replaced.path}.new`, replaced.path)
  await replaced.watch.look()
  t.match(replaced.lines, [/no name any more/])
  t.strictSame(replaced.limits(), [Infinity, 0, 0])
  const onlyRead = await watching(t, false)
  unlinkSync(onlyRead.path)
  await onlyRead.watch.look()
  t.match(onlyRead.lines, [/names nothing now/])
  t.strictSame(onlyRead.limits(), [Infinity, Infinity, Infinity], 'nobody writes it')
})

t.test('what had no name when it was opened, a scratch file, is none the worse for it', async (t) => {
  const { handle, path, watch } = await watching(t)
  unlinkSync(path)
  const scratch = new ImageWatch(
    { name: 'scratch', path, handle, opened: await handle.stat(), size, write: true },
    pino({ level: 'silent' }),
  )
  await scratch.look()
  t.strictSame([...scratch.limits], [Infinity, Infinity, Infinity])
  await scratch.stop()
  await watch.stop()
})

t.test('an image that may not be written any more is noticed, unless nobody writes it', async (t) => {
  for (const write of [true, false]) {
    const { path, watch, lines, limits } = await watching(t, write)
    chmodSync(path, 0)
    await watch.look()
    await watch.look()
    t.equal(watch.changed, write)
    t.strictSame(limits(), [Infinity, write ? 0 : Infinity, Infinity])
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
