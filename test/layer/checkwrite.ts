/**
 * The witness: finds each way in which a backend can lose what was written, and never cries wolf.
 */
import { constants } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { type Backend } from '../../src/backend/backend.js'
import { checked, type CheckedBackend } from '../../src/backend/checked.js'
import { MemoryBackend } from '../../src/backend/memory.js'
import { ForwardLayer } from '../../src/layer/forward.js'
import { composeLayers } from '../../src/layer/registry.js'
import { type Logger } from '../../src/log.js'
import { seeded } from '../support/seed.js'

const size = 256 * 1024
const { EIO } = constants.errno

interface Watched {
  readonly backend: CheckedBackend
  readonly errors: string[]
}

const watched = async (inner: Backend, spec = 'checkwrite'): Promise<Watched> => {
  const errors: string[] = []
  const logger = { error: (line: string) => errors.push(line) } as unknown as Logger
  const backend = checked(composeLayers([spec], inner, { logger }))
  await backend.open()
  return { backend, errors }
}

const read = async (backend: CheckedBackend, offset: number, length: number): Promise<Buffer> => {
  const target = Buffer.alloc(length)
  await backend.read(target, offset)
  return target
}

const outcome = async (call: () => unknown): Promise<number> => {
  try {
    await call()
    return 0
  } catch (error) {
    return (error as { errno: number }).errno
  }
}

t.test('a write that is lost, misplaced or changed is EIO at the read, with one line that says where', async (t) => {
  const faults: Record<string, (memory: MemoryBackend, source: Buffer, offset: number) => void> = {
    'lost: it reads as zeros': () => undefined,
    'misplaced: it reads as zeros': (memory, source, offset) => {
      memory.write(source, offset + 512)
    },
    'changed: it holds something else': (memory, source, offset) => {
      const changed = Buffer.from(source)
      changed.writeUInt8(8, 300)
      memory.write(changed, offset)
    },
    'torn: it reads as zeros': (memory, source, offset) => {
      memory.write(source.subarray(0, 512), offset)
    },
  }
  for (const [name, fault] of Object.entries(faults)) {
    const memory = new MemoryBackend(size)
    const faulty = new MemoryBackend(size)
    faulty.write = (source, offset) => {
      fault(memory, source, offset)
    }
    faulty.read = (target, offset) => {
      memory.read(target, offset)
    }
    const { backend, errors } = await watched(faulty)
    await backend.write(Buffer.alloc(1024, 7), 4096)
    t.equal(await outcome(() => read(backend, 4096, 1024)), EIO, name)
    const [, what = ''] = name.split(': ')
    const where = name.startsWith('torn') ? 4608 : 4096
    t.strictSame(errors.length, 1)
    t.match(errors[0], `from byte ${String(where)} on ${what}`, name)
    t.match(await read(backend, 0, 4096), Buffer.alloc(4096), 'what was never written is not compared')
  }
})

t.test('a trim or zero that does not do it is found, and one that does is not', async (t) => {
  for (const operation of ['trim', 'zero'] as const) {
    const memory = new MemoryBackend(size)
    const { backend, errors } = await watched(memory)
    await backend.write(Buffer.alloc(4096, 7), 0)
    await backend[operation](512, 1000)
    t.ok(
      (await read(backend, 0, 4096)).subarray(512, 1512).every((byte) => byte === 0),
      operation,
    )
    memory[operation] = () => undefined
    await backend[operation](2048, 1024)
    t.equal(await outcome(() => read(backend, 0, 4096)), EIO, `${operation} that does nothing`)
    t.equal(errors.length, 1)
  }
})

t.test('readback: the write itself fails', async (t) => {
  const memory = new MemoryBackend(size)
  const { backend, errors } = await watched(memory, 'checkwrite:readback=yes')
  await backend.write(Buffer.alloc(512, 1), 0)
  memory.write = () => undefined
  t.equal(await outcome(() => backend.write(Buffer.alloc(512, 2), 0)), EIO)
  t.match(errors, [/read of 512 bytes at 0 is not what was written: from byte 0 on it holds something else/])
})

/** Answers when it is told to, in any order. Every third request is done before that, the others just then. */
class Slow extends ForwardLayer {
  readonly memory: MemoryBackend
  readonly waiting: (() => void)[] = []
  #requests = 0

  constructor(memory = new MemoryBackend(size)) {
    super(memory)
    this.memory = memory
  }

  #later(action: () => void): Promise<void> {
    this.#requests += 1
    const early = this.#requests % 3 === 0
    if (early) action()
    return new Promise((resolve) => {
      this.waiting.push(() => {
        if (!early) action()
        resolve()
      })
    })
  }

  override read(target: Buffer, offset: number): Promise<void> {
    return this.#later(() => {
      this.memory.read(target, offset)
    })
  }

  override write(source: Buffer, offset: number): Promise<void> {
    return this.#later(() => {
      this.memory.write(source, offset)
    })
  }

  override trim(offset: number, length: number): Promise<void> {
    return this.#later(() => {
      this.memory.trim(offset, length)
    })
  }

  override zero(offset: number, length: number): Promise<void> {
    return this.trim(offset, length)
  }
}

/** Two writes at once, of sectors 0 and 1 and of sectors 1 and 2. */
const overlapping = async (backend: CheckedBackend): Promise<void> => {
  await Promise.all([1, 2].map(async (value) => backend.write(Buffer.alloc(1024, value), (value - 1) * 512)))
}

t.test('overlapping writes in either order, and reads beside them, are no error', async (t) => {
  for (const order of [
    [0, 1],
    [1, 0],
  ] as const) {
    const slow = new Slow()
    const { backend, errors } = await watched(slow)
    const writes = overlapping(backend)
    for (const index of order) slow.waiting[index]?.()
    await writes
    slow.waiting.length = 0
    const reading = read(backend, 0, 2048)
    slow.waiting[0]?.()
    const bytes = await reading
    t.strictSame([bytes[0], bytes[1024]], [1, 2])
    t.strictSame(errors, [], `in order ${order.join()}`)
  }
})

t.test('what does not overlap of two overlapping writes is known', async (t) => {
  const slow = new Slow()
  const { backend } = await watched(slow)
  const writes = overlapping(backend)
  for (const answer of slow.waiting.splice(0)) answer()
  await writes
  slow.memory.write(Buffer.alloc(512, 9), 1024)
  const reading = read(backend, 1024, 512)
  slow.waiting[0]?.()
  t.equal(await outcome(() => reading), EIO)
})

t.test('a write that failed leaves its range unknown', async (t) => {
  const memory = new MemoryBackend(size)
  const { backend, errors } = await watched(memory)
  await backend.write(Buffer.alloc(1024, 1), 0)
  const right = memory.write.bind(memory)
  memory.write = (source, offset) => {
    right(source.subarray(0, 512), offset)
    throw new Error('half way')
  }
  t.throws(() => backend.write(Buffer.alloc(1024, 2), 0), { message: 'half way' })
  const bytes = await read(backend, 0, 1024)
  t.strictSame([bytes[0], bytes[512]], [2, 1])
  t.strictSame(errors, [])
})

t.test('a long random mix of overlapping requests over a right backend is never an error', async (t) => {
  const random = seeded(t)
  const slow = new Slow()
  const { backend, errors } = await watched(slow)
  const running = new Set<Promise<unknown>>()
  for (let step = 0; step < 4000; step += 1) {
    const offset = random.below(16) * 512 + (random.below(4) === 0 ? random.below(512) : 0)
    const length = 1 + random.below(8 * 512)
    const kind = random.below(10)
    const answer = Promise.resolve(
      kind < 4
        ? backend.read(Buffer.alloc(length), offset)
        : kind < 8
          ? backend.write(Buffer.alloc(length, step), offset)
          : kind === 8
            ? backend.trim(offset, length)
            : backend.zero(offset, length),
    )
    const entry = answer.finally(() => running.delete(entry))
    running.add(entry)
    while (slow.waiting.length > random.below(8)) {
      slow.waiting.splice(random.below(slow.waiting.length), 1)[0]?.()
    }
    if (random.below(3) === 0) await setImmediate()
  }
  for (const answer of slow.waiting.splice(0)) answer()
  await Promise.all(running)
  t.strictSame(errors, [])
})
