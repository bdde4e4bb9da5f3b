/**
 * The part of the backend suite about space: zeroes, holes, and what the volume takes where it is stored.
 */
import { everyExtent, seekExtent } from '../../src/backend/extents.js'
import { failure, type Frame, needs, pattern, readBack, same } from './suite-frame.js'

export const zeroing = (frame: Frame): void => {
  const { t, opened, kept, stores, measures, random } = frame
  for (const operation of ['trim', 'zero'] as const) {
    t.test(`${operation} leaves zeros, and its neighbours alone`, needs(frame, 'write', operation), async (t) => {
      const backend = await opened(t)
      for (const [offset, length] of [
        [65536, 131072],
        [4096, 4096],
        [1000, 3],
        [70001, 100003],
        [backend.size - 1536, 1536],
        [0, backend.size],
      ] as const) {
        const all = random.bytes(backend.size)
        await backend.write(all, 0)
        await backend[operation](offset, length)
        all.fill(0, offset, offset + length)
        same(t, await readBack(backend, 0, backend.size), kept(all), `${String(length)} bytes at ${String(offset)}`)
        const again = random.bytes(length)
        await backend.write(again, offset)
        same(t, await readBack(backend, offset, length), kept(again), 'and can be written again')
      }
    })
  }

  const measured = measures ? needs(frame, 'write', 'trim') : { skip: 'it has no allocated()' }
  t.test('allocated space falls when everything is trimmed', measured, async (t) => {
    const backend = await opened(t)
    const before = await backend.allocated()
    await backend.write(random.bytes(backend.size), 0)
    await backend.flush()
    const full = await backend.allocated()
    await backend.trim(0, backend.size)
    const after = await backend.allocated()
    if (stores) t.ok(full > after, `${String(before)} → ${String(full)} → ${String(after)} bytes`)
    else t.strictSame([before, full, after], [0, 0, 0])
  })

  t.test('reserving space changes no byte', needs(frame, 'write'), async (t) => {
    const backend = await opened(t)
    const data = random.bytes(65536)
    await backend.write(data, 32768)
    const refused = await failure(() => backend.allocate(0, backend.size))
    t.ok(refused === undefined || refused.errno === 95, 'done, or EOPNOTSUPP')
    same(t, await readBack(backend, 32768, data.length), kept(data), 'contents')
  })
}

export const extents = (frame: Frame): void => {
  const { t, opened, stores, random } = frame
  t.test('extents cover any range exactly, and what is no data reads as zeros', async (t) => {
    const backend = await opened(t)
    if (frame.can.write) {
      await backend.write(random.bytes(70000), 131072)
      await backend.write(random.bytes(1), backend.size - 1)
    }
    for (const [offset, length] of [
      [0, backend.size],
      [1, backend.size - 1],
      [131072, 1],
      [100000, 100001],
      [backend.size - 1, 1],
    ] as const) {
      let end = offset
      for await (const extent of everyExtent(backend, offset, length)) {
        t.equal(extent.offset, end, 'no gap, no overlap')
        end += extent.length
        if (extent.kind === 'data') continue
        const found = await readBack(backend, extent.offset, extent.length)
        same(t, found, Buffer.alloc(extent.length), `${extent.kind} at ${String(extent.offset)}`)
      }
      t.equal(end, offset + length, 'to the end of the range')
    }
  })

  t.test('data that was written is never called a hole', { ...needs(frame, 'write', 'extents') }, async (t) => {
    const backend = await opened(t)
    await backend.write(pattern(4096), 262144 - 4096)
    const found = await seekExtent(backend, 0, 'data')
    if (!stores) {
      t.equal(found, undefined)
      return
    }
    t.ok(found !== undefined && found <= 262144 - 4096, `data begins at ${String(found)}`)
    t.equal(await seekExtent(backend, 262144 - 1, 'data'), 262144 - 1, 'and goes on to its last byte')
    t.equal(await seekExtent(backend, backend.size, 'data'), undefined, 'nothing lies behind the end')
  })
}
