/**
 * The part of the backend suite about bytes: what was written is what is read, whatever happens around it.
 */
import { failure, type Frame, needs, readBack, same, sectors } from './suite-frame.js'

export const transfers = (frame: Frame): void => {
  const { t, opened, kept, random } = frame
  t.test(
    'a read gives what was written, at odd offsets and lengths, up to the last byte',
    needs(frame, 'write'),
    async (t) => {
      const backend = await opened(t)
      const { size } = backend
      for (const [offset, length] of [
        [0, 1],
        [1, 511],
        [511, 2],
        [4095, 4098],
        [65535, 2],
        [65536, 65536],
        [100001, 70003],
        [size - 1, 1],
        [size - 513, 513],
      ] as const) {
        const data = random.bytes(length)
        await backend.write(data, offset)
        same(t, await readBack(backend, offset, length), kept(data), `${String(length)} bytes at ${String(offset)}`)
      }
    },
  )

  t.test('a write leaves its neighbours alone', needs(frame, 'write'), async (t) => {
    const backend = await opened(t)
    const around = random.bytes(3 * 4096)
    await backend.write(around, 8192)
    const inner = random.bytes(777)
    await backend.write(inner, 8192 + 4000)
    inner.copy(around, 4000)
    same(t, await readBack(backend, 8192, around.length), kept(around), 'neighbours')
  })

  t.test('every byte of the volume can be filled and read back', needs(frame, 'write'), async (t) => {
    const backend = await opened(t)
    const all = random.bytes(backend.size)
    await backend.write(all, 0)
    same(t, await readBack(backend, 0, backend.size), kept(all), 'in one piece')
    const pieces = []
    for (let at = 0; at < backend.size; at += 4096) {
      pieces.push(await readBack(backend, at, Math.min(4096, backend.size - at)))
    }
    same(t, Buffer.concat(pieces), kept(all), 'in pieces of 4 KiB')
  })

  t.test('a request for nothing does nothing', async (t) => {
    const backend = await opened(t)
    t.equal(await failure(() => backend.read(Buffer.alloc(0), 0)), undefined)
    t.equal(await failure(() => backend.read(Buffer.alloc(0), backend.size)), undefined)
  })

  t.test('no buffer is kept after the answer', needs(frame, 'write'), async (t) => {
    const backend = await opened(t)
    const data = random.bytes(8192)
    const source = Buffer.from(data)
    await backend.write(source, 4096)
    source.fill(0xee)
    const target = Buffer.alloc(8192)
    await backend.read(target, 4096)
    target.fill(0xdd)
    await backend.write(random.bytes(8192), 65536)
    await new Promise((resolve) => setImmediate(resolve))
    same(t, target, Buffer.alloc(8192, 0xdd), 'the target is not written to any more')
    same(t, await readBack(backend, 4096, 8192), kept(data), 'the source is not read any more')
  })

  t.test('a flush after writes succeeds, and what was written stays', needs(frame, 'flush'), async (t) => {
    const backend = await opened(t)
    const data = random.bytes(12345)
    await backend.write(data, 999)
    t.equal(await failure(() => backend.flush()), undefined)
    t.equal(await failure(() => backend.flush()), undefined, 'with nothing new')
    same(t, await readBack(backend, 999, data.length), kept(data), 'after the flush')
  })
}

export const concurrency = (frame: Frame): void => {
  const { t, opened, kept, random } = frame
  t.test('disjoint writes at once all arrive', needs(frame, 'write'), async (t) => {
    const backend = await opened(t)
    const piece = 3 * 512
    const all = random.bytes(piece * 64)
    await Promise.all(
      Array.from({ length: 64 }, async (_, index) =>
        backend.write(all.subarray(index * piece, (index + 1) * piece), index * piece),
      ),
    )
    same(t, await readBack(backend, 0, all.length), kept(all), 'all of them')
  })

  t.test('overlapping writes at once do not tear a sector of 512 bytes', needs(frame, 'write'), async (t) => {
    const backend = await opened(t)
    for (let round = 1; round <= 10; round += 1) {
      const values = [round * 4 + 1, round * 4 + 2, round * 4 + 3]
      await Promise.all(values.map(async (value, index) => backend.write(Buffer.alloc(64 * 1024, value), index * 8192)))
      const found = await readBack(backend, 2 * 8192, 48 * 1024)
      const torn = sectors(found).filter((sector) => !sector.every((byte) => byte === sector[0]))
      t.equal(torn.length, 0, 'every sector comes from one write')
      const strange = sectors(found).filter((sector) => !values.includes(sector[0] ?? 0))
      t.equal(strange.length, kept(Buffer.of(1))[0] === 1 ? 0 : sectors(found).length, 'and from one of these')
    }
  })

  t.test('reads and writes of different places do not disturb each other', needs(frame, 'write'), async (t) => {
    const backend = await opened(t)
    const still = random.bytes(16384)
    await backend.write(still, 0)
    const work = Array.from({ length: 32 }, async (_, index) => {
      await backend.write(random.bytes(4096), 32768 + index * 4096)
      return readBack(backend, (index % 4) * 4096, 4096)
    })
    for (const [index, found] of (await Promise.all(work)).entries()) {
      same(t, found, kept(still.subarray((index % 4) * 4096, (index % 4) * 4096 + 4096)), `reader ${String(index)}`)
    }
  })
}

export const model = (frame: Frame): void => {
  const { t, opened, can, stores, random } = frame
  t.test('a long random mix of everything leaves what a plain buffer would hold', needs(frame, 'write'), async (t) => {
    const backend = await opened(t)
    const wanted = await readBack(backend, 0, backend.size)
    const kinds = ['read', 'write', 'write', ...(can.trim ? ['trim'] : []), ...(can.zero ? ['zero'] : []), 'flush']
    const history: string[] = []
    for (let step = 0; step < 400; step += 1) {
      const kind = kinds[random.below(kinds.length)] ?? 'read'
      const offset = random.below(backend.size)
      const length = 1 + random.below(Math.min(backend.size - offset, random.below(10) === 0 ? backend.size : 20000))
      history.push(`${kind} ${String(length)} at ${String(offset)}`)
      if (kind === 'write') {
        const data = random.bytes(length)
        await backend.write(data, offset)
        if (stores) data.copy(wanted, offset)
      } else if (kind === 'trim' || kind === 'zero') {
        await backend[kind](offset, length)
        wanted.fill(0, offset, offset + length)
      } else if (kind === 'flush') {
        await backend.flush()
      } else if (!(await readBack(backend, offset, length)).equals(wanted.subarray(offset, offset + length))) {
        t.fail(`step ${String(step)} read something else`, { history: history.slice(-20) })
        return
      }
    }
    same(t, await readBack(backend, 0, backend.size), wanted, 'at the end')
  })
}
