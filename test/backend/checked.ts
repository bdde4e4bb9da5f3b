/**
 * The checks that stand before every backend: what they add, and what they must leave alone.
 */
import t from 'tap'
import { type Backend } from '../../src/backend/backend.js'
import { checked } from '../../src/backend/checked.js'
import { MemoryBackend } from '../../src/backend/memory.js'

const size = 64 * 1024

/** A memory backend with some members replaced. */
const withMembers = (members: object): Backend => {
  const memory = new MemoryBackend(size)
  const bound = {
    name: 'memory:test',
    size,
    blockSize: 4096,
    can: { ...memory.can },
    open: () => memory.open(),
    read: (target: Buffer, offset: number) => {
      memory.read(target, offset)
    },
    write: (source: Buffer, offset: number) => {
      memory.write(source, offset)
    },
    trim: (offset: number, length: number) => {
      memory.trim(offset, length)
    },
    zero: (offset: number, length: number) => {
      memory.zero(offset, length)
    },
    extents: (offset: number, length: number) => memory.extents(offset, length),
    close: () => memory.close(),
  }
  return { ...bound, ...members }
}

const open = async (members: object = {}): Promise<ReturnType<typeof checked>> => {
  const backend = checked(withMembers(members))
  await backend.open()
  return backend
}

t.test('a synchronous answer stays synchronous', async (t) => {
  const backend = await open()
  t.equal(backend.write(Buffer.alloc(512, 1), 0), undefined)
  t.equal(backend.read(Buffer.alloc(512), 0), undefined)
  t.equal(backend.trim(0, 512), undefined)
  t.equal(backend.flush(), undefined)
  t.ok(Array.isArray(backend.extents(0, 512)))
  t.type(backend.allocated(), 'number')
})

t.test('a value that is no promise counts as done, as from (target) => data.copy(target)', async (t) => {
  const backend = await open({ read: (target: Buffer) => Buffer.alloc(512, 7).copy(target) })
  const target = Buffer.alloc(512)
  t.equal(backend.read(target, 0), undefined)
  t.equal(target[511], 7)
})

t.test('any thenable is waited for', async (t) => {
  const thenable = {
    then: (done: () => void) => {
      setImmediate(done)
    },
  }
  const backend = await open({ read: () => thenable })
  t.type(backend.read(Buffer.alloc(1), 0), Promise)
  await backend.close()
  t.pass('and by close')
})

t.test('what a backend throws or rejects with passes through untouched', async (t) => {
  const error = Object.assign(new Error('no'), { code: 'ERR_BACKEND', errno: 28 })
  const backend = await open({
    read: () => {
      throw error
    },
    write: () => Promise.reject(error),
  })
  t.equal(await t.rejects(async () => backend.read(Buffer.alloc(1), 0)), error)
  t.equal(await t.rejects(async () => backend.write(Buffer.alloc(1), 0)), error)
  await backend.close()
})

t.test('a buffer is a Buffer, whatever JavaScript passes', async (t) => {
  const backend = await open()
  for (const wrong of [null, undefined, 'text', new Uint8Array(512), { length: 512 }]) {
    t.throws(() => backend.read(wrong as unknown as Buffer, 0), { code: 'ERR_BACKEND', errno: 22 })
    t.throws(() => backend.write(wrong as unknown as Buffer, 0), { code: 'ERR_BACKEND', errno: 22 })
  }
  t.throws(() => backend.read(Buffer.alloc(1), '0' as unknown as number), { code: 'ERR_BACKEND', errno: 22 })
  t.throws(() => backend.trim(0, 1n as unknown as number), { code: 'ERR_BACKEND', errno: 22 })
})

t.test('what open publishes must keep the contract, or it is closed again', async (t) => {
  const all = { write: true, flush: false, trim: true, zero: true, extents: true, lanes: false }
  for (const [members, complaint] of [
    [{ size: 0 }, /size is 0/],
    [{ size: 1000 }, /size is 1000/],
    [{ size: 2 ** 53 }, /size is/],
    [{ size: '64K' }, /size is 64K/],
    [{ blockSize: 256 }, /blockSize is 256/],
    [{ blockSize: 5000 }, /blockSize is 5000/],
    [{ blockSize: 2 ** 21 }, /blockSize is/],
    [{ trim: undefined }, /can.trim is true and trim\(\) is missing/],
    [{ can: { ...all, flush: true } }, /flush\(\) is missing/],
    [{ can: { ...all, write: 'yes' } }, /can.write is a string/],
  ] as const) {
    let closed = 0
    const close = (): Promise<void> => {
      closed += 1
      return Promise.reject(new Error('does not close either'))
    }
    const backend = checked(withMembers({ ...members, close }))
    await t.rejects(backend.open(), { code: 'ERR_BACKEND', message: complaint })
    t.equal(closed, 1, 'closed')
    t.throws(() => backend.read(Buffer.alloc(1), 0), { code: 'ERR_CLOSED' })
    await backend.close()
    t.equal(closed, 1, 'once')
  }
})

t.test('a capability that is not named is off, and read-only takes every change with it', async (t) => {
  const readable = await open({ can: { trim: true, zero: true, flush: true }, flush: () => undefined })
  t.strictSame(readable.can, { write: false, flush: false, trim: false, zero: false, extents: false, lanes: false })
  t.throws(() => readable.write(Buffer.alloc(1), 0), { code: 'ERR_BACKEND', errno: 30 }, 'EROFS')
  t.throws(() => readable.trim(0, 1), { code: 'ERR_BACKEND', errno: 30 }, 'EROFS')
  const writable = await open({ can: { write: true } })
  t.throws(() => writable.trim(0, 1), { code: 'ERR_BACKEND', errno: 95 }, 'EOPNOTSUPP')
  t.throws(() => writable.zero(0, 1), { code: 'ERR_BACKEND', errno: 95 }, 'EOPNOTSUPP')
})

t.test('what open published holds even if the backend changes its mind', async (t) => {
  const inner = withMembers({}) as { -readonly [Key in keyof Backend]: Backend[Key] }
  const backend = checked(inner)
  await backend.open()
  inner.size = 128 * 1024
  inner.can = { ...inner.can, write: false }
  t.equal(backend.size, size)
  t.equal(backend.can.write, true)
  t.throws(() => backend.read(Buffer.alloc(512), size), { code: 'ERR_BACKEND', errno: 22 })
})

t.test('what the contract leaves out has the meaning the contract gives it', async (t) => {
  const backend = await open({ can: { write: true }, extents: undefined })
  t.strictSame(backend.extents(512, 1024), [{ offset: 512, length: 1024, kind: 'data' }])
  t.equal(backend.allocated(), size)
  t.equal(backend.flush(), undefined)
  t.equal(backend.allocate(0, 512), undefined)
})

t.test('extents with a gap, an overlap, nothing, or too much are an error, not lost data', async (t) => {
  for (const wrong of [
    [],
    [{ offset: 0, length: 512, kind: 'hole' }],
    [{ offset: 512, length: 0, kind: 'data' }],
    [{ offset: 512, length: 4096, kind: 'data' }],
    [
      { offset: 512, length: 512, kind: 'data' },
      { offset: 2048, length: 512, kind: 'data' },
    ],
    [{ offset: 512, kind: 'data' }],
  ]) {
    const plain = await open({ extents: () => wrong })
    t.throws(() => plain.extents(512, 2048), { code: 'ERR_BACKEND', errno: 5 })
    const later = await open({ extents: () => Promise.resolve(wrong) })
    await t.rejects(async () => later.extents(512, 2048), { code: 'ERR_BACKEND', errno: 5 })
  }
})

t.test('closing waits for what is under way and refuses what comes after', async (t) => {
  const steps: string[] = []
  const backend = await open({
    read: () =>
      new Promise<void>((resolve) =>
        setTimeout(() => {
          steps.push('read')
          resolve()
        }, 5),
      ),
    close: () => {
      steps.push('close')
      return Promise.resolve()
    },
  })
  const read = backend.read(Buffer.alloc(1), 0)
  const closing = backend.close()
  t.equal(backend.close(), closing, 'the same promise')
  await read
  await closing
  t.strictSame(steps, ['read', 'close'])
})

t.test('requests are refused as soon as closing has begun', async (t) => {
  const backend = await open({ close: () => new Promise((resolve) => setImmediate(resolve)) })
  const closing = backend.close()
  t.throws(() => backend.read(Buffer.alloc(1), 0), { code: 'ERR_CLOSED', message: /closing/ })
  t.equal(backend.file, undefined, 'and no descriptor is offered any more')
  await closing
})

t.test('closing while it opens waits, then closes', async (t) => {
  const steps: string[] = []
  const backend = checked(
    withMembers({
      open: () =>
        new Promise<void>((resolve) =>
          setImmediate(() => {
            steps.push('open')
            resolve()
          }),
        ),
      close: () => {
        steps.push('close')
        return Promise.resolve()
      },
    }),
  )
  const opening = backend.open()
  await backend.close()
  await opening
  t.strictSame(steps, ['open', 'close'])
  t.throws(() => backend.read(Buffer.alloc(1), 0), { code: 'ERR_CLOSED' })
})

t.test('a failed open is not closed, and cannot be tried again', async (t) => {
  let closed = false
  const backend = checked(
    withMembers({
      open: () => Promise.reject(new Error('no disk')),
      close: () => {
        closed = true
        return Promise.resolve()
      },
    }),
  )
  await t.rejects(backend.open(), { message: 'no disk' })
  await t.rejects(backend.open(), { code: 'ERR_CLOSED' })
  await backend.close()
  t.equal(closed, false)
})

t.test('checks are not stacked', (t) => {
  const backend = checked(new MemoryBackend(size))
  t.equal(checked(backend), backend)
  t.end()
})
