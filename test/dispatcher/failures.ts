/**
 * What a backend throws is answered on that one request, in every way a backend can throw it.
 */
import t from 'tap'
import { pino } from 'pino'
import type { Backend } from '../../src/backend/backend.js'
import { fakeBackend, hex64, message, type Opcode, Server } from './fake-lane.js'

const request: Readonly<Record<string, Buffer>> = {
  READ: message('READ', `${hex64(0)} ${hex64(0)} 00100000 00000000 ${hex64(0)} ${hex64(0)}`),
  WRITE: message('WRITE', `${hex64(0)} ${hex64(0)} 04000000 00000000 ${hex64(0)} ${hex64(0)} 01020304`),
  FSYNC: message('FSYNC', Buffer.alloc(16)),
  FLUSH: message('FLUSH', Buffer.alloc(24)),
  FALLOCATE: message('FALLOCATE', `${hex64(0)} ${hex64(0)} ${hex64(4096)} 03000000 00000000`),
  LSEEK: message('LSEEK', `${hex64(0)} ${hex64(0)} 03000000 00000000`),
  GETATTR: message('GETATTR', Buffer.alloc(16)),
  STATX: message('STATX', Buffer.alloc(24)),
  LOOKUP: message('LOOKUP', '766f6c756d6500', { nodeid: 1 }),
} satisfies Partial<Record<Opcode, Buffer>>

/** A backend of which every call ends in `fail`. */
const failing = (fail: () => never | Promise<never>): Backend =>
  fakeBackend({ read: fail, write: fail, flush: fail, trim: fail, extents: fail, allocated: fail })

const system = (fields: object): Error => Object.assign(new Error('it failed'), fields)

/** What is thrown, what the caller sees, and whether it is worth a warning: without an errno nobody else says it. */
const thrown: readonly (readonly [string, unknown, string, boolean])[] = [
  ['an errno', system({ errno: 28 }), 'ENOSPC', false],
  ['a negative errno, as Node has it', system({ errno: -28, code: 'ENOSPC' }), 'ENOSPC', false],
  ['only a code', system({ code: 'EDQUOT' }), 'EDQUOT', false],
  ['an object that is no Error', { errno: 5 }, 'EIO', false],
  ['no errno', new Error('no idea'), 'EIO', true],
  ['a code that is no errno', system({ code: 'ERR_WHATEVER' }), 'EIO', true],
  ['an errno of 0', system({ errno: 0 }), 'EIO', true],
  ['an errno of 512, which the kernel refuses', system({ errno: 512 }), 'EIO', true],
  ['an errno that is a fraction', system({ errno: 1.5 }), 'EIO', true],
  ['an errno that is no number', system({ errno: 'ENOSPC' }), 'EIO', true],
  ['an errno of NaN', system({ errno: NaN }), 'EIO', true],
  ['an infinite errno', system({ errno: -Infinity }), 'EIO', true],
  ['undefined', undefined, 'EIO', true],
  ['null', null, 'EIO', true],
  ['text', 'ENOSPC', 'EIO', true],
]

for (const [operation, bytes] of Object.entries(request)) {
  t.test(`${operation}: whatever the backend throws or rejects with becomes one errno`, async (t) => {
    for (const [what, error, errno, warns] of thrown) {
      const fails: readonly (readonly [string, () => never | Promise<never>])[] = [
        [
          'throws',
          () => {
            throw error
          },
        ],
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- that is the case under test
        ['rejects with', () => Promise.reject(error)],
      ]
      for (const [how, fail] of fails) {
        const server = new Server(failing(fail))
        t.equal(await server.answer(bytes), errno, `${how} ${what}`)
        t.equal(server.log.filter(({ level }) => level >= 40).length, warns ? 1 : 0, `${how} ${what}: warnings`)
      }
    }
  })
}

t.test('a backend’s ENOSYS is EIO, or the kernel would call every later barrier a success', async (t) => {
  // fs/fuse/file.c, fuse_fsync and fuse_flush: ENOSYS sets no_fsync or no_flush, and the caller is told 0.
  for (const [operation, bytes] of Object.entries(request)) {
    for (const error of [system({ errno: 38 }), system({ code: 'ENOSYS' }), system({ errno: -38 })]) {
      const fail = (): never => {
        throw error
      }
      t.equal(await new Server(failing(fail)).answer(bytes), 'EIO', operation)
    }
  }
})

t.test('an answer that makes no sense is EIO, at once or late', async (t) => {
  const nonsense = 12n as unknown as number
  for (const allocated of [() => nonsense, () => Promise.resolve(nonsense)]) {
    t.equal(await new Server(fakeBackend({ allocated })).answer(message('GETATTR', Buffer.alloc(16))), 'EIO')
  }
})

t.test('a request that fails leaves its neighbours in the batch alone', (t) => {
  let count = 0
  const server = new Server(
    fakeBackend({
      read: (target) => {
        if (++count === 2) throw system({ errno: 5 })
        target.fill(count)
      },
    }),
  )
  const read = message('READ', `${hex64(0)} ${hex64(0)} 01000000 00000000 ${hex64(0)} ${hex64(0)}`)
  const answers = server.batch([read, read, read]).map(({ slot, what, body }) => [slot, what, body[0]])
  t.strictSame(answers, [
    [0, 'reply', 1],
    [1, 'error', 0xee],
    [2, 'reply', 3],
  ])
  t.end()
})

t.test('a log that cannot be written costs the line, not the answer', async (t) => {
  const full = pino(
    { level: 'trace' },
    {
      write: () => {
        throw system({ code: 'ENOSPC' })
      },
    },
  )
  for (const fail of [
    (): never => {
      throw new Error('no idea')
    },
    () => Promise.reject(new Error('no idea')),
  ]) {
    const server = new Server(failing(fail), { logger: full })
    t.equal(await server.answer(request['READ'] ?? Buffer.alloc(0)), 'EIO')
  }
})
