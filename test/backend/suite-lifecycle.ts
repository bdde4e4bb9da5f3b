/**
 * The part of the backend suite about states and refusals: what must not work, and must not do harm when tried.
 */
import { failure, type Frame, readBack, same } from './suite-frame.js'

export const lifecycle = ({ t, opened, fresh }: Frame): void => {
  t.test('what open publishes is sound', async (t) => {
    const backend = await opened(t)
    t.type(backend.name, 'string')
    t.ok(backend.size >= 256 * 1024, 'large enough for these tests')
    t.equal(backend.size % 512, 0)
    t.ok(backend.blockSize >= 512 && Number.isInteger(Math.log2(backend.blockSize)))
  })

  t.test('it can be used from open to close, and not before or after', async (t) => {
    const backend = await fresh(t)
    const use = (): unknown => backend.read(Buffer.alloc(512), 0)
    t.match(await failure(use), { code: 'ERR_CLOSED' }, 'before open')
    await backend.open()
    t.equal(await failure(use), undefined)
    t.match(await failure(() => backend.open()), { code: 'ERR_CLOSED' }, 'opened twice')
    await backend.close()
    t.match(await failure(use), { code: 'ERR_CLOSED' }, 'after close')
    t.match(await failure(() => backend.open()), { code: 'ERR_CLOSED' }, 'opened again')
    t.equal(await failure(() => backend.close()), undefined, 'closing twice is fine')
  })

  t.test('closing lets what was started finish', async (t) => {
    const backend = await opened(t)
    const target = Buffer.alloc(64 * 1024)
    const reads = Array.from({ length: 8 }, () => failure(() => backend.read(target, 0)))
    await backend.close()
    t.strictSame(await Promise.all(reads), Array.from({ length: 8 }).fill(undefined))
  })

  t.test('it can be closed without having been opened', async (t) => {
    const backend = await fresh(t)
    t.equal(await failure(() => backend.close()), undefined)
    t.match(await failure(() => backend.open()), { code: 'ERR_CLOSED' })
  })
}

export const refusals = (frame: Frame): void => {
  const { t, opened, can } = frame
  t.test('a range that leaves the volume is refused, and nothing of it is done', async (t) => {
    const backend = await opened(t)
    const { size } = backend
    for (const [offset, length] of [
      [size, 1],
      [size - 1, 2],
      [size - 512, 1024],
      [-1, 1],
      [0.5, 1],
      [NaN, 1],
      [Number.MAX_SAFE_INTEGER, 1],
    ] as const) {
      const range = `${String(length)} bytes at ${String(offset)}`
      const refusal = { code: 'ERR_BACKEND', errno: 22 }
      t.match(await failure(() => backend.read(Buffer.alloc(length), offset)), refusal, `read ${range}`)
      t.match(await failure(() => backend.extents(offset, length)), refusal, `extents ${range}`)
      if (!can.write) continue
      t.match(await failure(() => backend.write(Buffer.alloc(length), offset)), refusal, `write ${range}`)
      t.match(await failure(() => backend.trim(offset, length)), refusal, `trim ${range}`)
      t.match(await failure(() => backend.zero(offset, length)), refusal, `zero ${range}`)
    }
    t.equal((await readBack(backend, size - 512, 512)).length, 512, 'the last sector is inside')
  })

  if (can.write) return
  t.test('what is not writable refuses every change', async (t) => {
    const backend = await opened(t)
    const before = await readBack(backend, 0, 4096)
    for (const change of [
      () => backend.write(Buffer.alloc(4096, 1), 0),
      () => backend.trim(0, 4096),
      () => backend.zero(0, 4096),
      () => backend.allocate(0, 4096),
    ]) {
      t.match(await failure(change), { errno: 30 }, 'EROFS')
    }
    t.equal(await failure(() => backend.flush()), undefined, 'a barrier has nothing to do')
    same(t, await readBack(backend, 0, 4096), before, 'unchanged')
  })
}
