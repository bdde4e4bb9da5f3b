/**
 * What is the memory backend's own: that it is sparse, that it gives back, and that nothing leaks into it.
 */
import fc from 'fast-check'
import t from 'tap'
import { everyExtent, seekExtent } from '../../src/backend/extents.js'
import { chunkSize, MemoryBackend } from '../../src/backend/memory.js'
import { NullBackend } from '../../src/backend/null.js'

const collect = async (backend: MemoryBackend): Promise<[string, number, number][]> => {
  const rows: [string, number, number][] = []
  for await (const { kind, offset, length } of everyExtent(backend, 0, backend.size)) rows.push([kind, offset, length])
  return rows
}

t.test('a huge volume takes memory only for what is written', async (t) => {
  const size = 2 ** 43
  const backend = new MemoryBackend(size)
  backend.write(Buffer.from('end'), size - 3)
  backend.write(Buffer.from('start'), 0)
  t.equal(backend.allocated(), 2 * chunkSize)
  const target = Buffer.alloc(3)
  backend.read(target, size - 3)
  t.equal(target.toString(), 'end')
  t.equal(await seekExtent(backend, 1, 'hole'), chunkSize)
})

t.test('memory that was never written reads as zeros, not as what this process had in it', (t) => {
  for (let round = 0; round < 50; round += 1) Buffer.allocUnsafe(chunkSize).fill(0xff)
  const backend = new MemoryBackend(64 * chunkSize)
  const target = Buffer.alloc(chunkSize, 0xff)
  for (let at = 0; at < backend.size; at += chunkSize) {
    backend.write(Buffer.of(0), at)
    backend.read(target, at)
    t.ok(target.equals(Buffer.alloc(chunkSize)), `chunk at ${String(at)}`)
  }
  t.end()
})

t.test('trimming releases whole chunks, and the cut last one', (t) => {
  const backend = new MemoryBackend(3 * chunkSize + 512)
  backend.write(Buffer.alloc(backend.size, 1), 0)
  t.equal(backend.allocated(), backend.size, 'never more than the size')
  backend.trim(1, chunkSize)
  t.equal(backend.allocated(), backend.size, 'no whole chunk')
  backend.trim(chunkSize, chunkSize)
  t.equal(backend.allocated(), 3 * chunkSize)
  backend.trim(3 * chunkSize, 512)
  t.equal(backend.allocated(), 2 * chunkSize)
  backend.zero(0, backend.size)
  t.equal(backend.allocated(), 0)
  t.end()
})

t.test('extents are the written chunks, neighbours joined', async (t) => {
  const backend = new MemoryBackend(8 * chunkSize)
  backend.write(Buffer.alloc(1, 1), 2 * chunkSize - 1)
  backend.write(Buffer.alloc(1, 1), 2 * chunkSize)
  t.strictSame(await collect(backend), [
    ['hole', 0, chunkSize],
    ['data', chunkSize, 2 * chunkSize],
    ['hole', 3 * chunkSize, 5 * chunkSize],
  ])
})

t.test('what does not fit in one answer about extents is asked again', async (t) => {
  const size = 2 ** 33
  const backend = new MemoryBackend(size)
  t.ok((backend.extents(0, size)[0]?.length ?? 0) < size, 'one call stops early')
  t.strictSame(await collect(backend), [['hole', 0, size]])
  backend.write(Buffer.of(1), size - 1)
  t.equal(await seekExtent(backend, 0, 'data'), size - chunkSize)
})

t.test('closing gives the memory back', async (t) => {
  const backend = new MemoryBackend(chunkSize)
  backend.write(Buffer.of(1), 0)
  await backend.close()
  t.equal(backend.allocated(), 0)
})

t.test('whatever the sequence of writes and trims, reads agree with a plain buffer', (t) => {
  const size = 3 * chunkSize + 1536
  const range = fc.tuple(fc.nat(size - 1), fc.integer({ min: 1, max: size }))
  const step = fc.record({
    kind: fc.constantFrom('write', 'trim', 'zero'),
    range,
    value: fc.integer({ min: 1, max: 255 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const backend = new MemoryBackend(size)
      const wanted = Buffer.alloc(size)
      for (const { kind, range, value } of steps) {
        const [offset, length] = [range[0], Math.min(range[1], size - range[0])]
        if (kind === 'write') backend.write(Buffer.alloc(length, value), offset)
        else if (kind === 'trim') backend.trim(offset, length)
        else backend.zero(offset, length)
        wanted.fill(kind === 'write' ? value : 0, offset, offset + length)
      }
      const found = Buffer.alloc(size, 0xa5)
      backend.read(found, 0)
      return found.equals(wanted)
    }),
    { numRuns: 60 },
  )
  t.pass('60 sequences')
  t.end()
})

t.test('a read from null leaves nothing of what the slot held before', (t) => {
  const target = Buffer.alloc(4096, 0xff)
  new NullBackend(1024 * 1024).read(target)
  t.ok(target.equals(Buffer.alloc(4096)))
  t.end()
})
