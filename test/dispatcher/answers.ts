/**
 * When answers leave: with the batch they belong to, or together with those that settled in the same turn.
 */
import t from 'tap'
import { fakeBackend, hex32, hex64, message, Server, show } from './fake-lane.js'

const read = (offset: number, size = 512): Buffer =>
  message('READ', `${hex64(0)} ${hex64(offset)} ${hex32(size)} 00000000 ${hex64(0)} ${hex64(0)}`)
const write = (offset: number, data: string): Buffer =>
  message('WRITE', `${hex64(0)} ${hex64(offset)} ${hex32(data.length / 2)} 00000000 ${hex64(0)} ${hex64(0)} ${data}`)

interface Waiting {
  readonly offset: number
  readonly buffer: Buffer
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** A backend whose reads and writes wait until the test lets them go. */
const held = (): { waiting: Waiting[]; server: Server } => {
  const waiting: Waiting[] = []
  const hold = (buffer: Buffer, offset: number): Promise<void> =>
    new Promise((resolve, reject) => void waiting.push({ offset, buffer, resolve, reject }))
  return { waiting, server: new Server(fakeBackend({ read: hold, write: hold })) }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

t.test('what is answered within a batch waits for the addon to take it: no submit', async (t) => {
  const server = new Server(fakeBackend())
  t.equal(server.batch([read(0), read(512), write(0, '01')]).length, 3)
  await turn()
  t.strictSame(server.lane.submits, [])
})

t.test('a promise is answered when it settles, in its own slot', async (t) => {
  const { waiting, server } = held()
  t.strictSame(server.batch([read(0, 4), write(4096, '01020304')], [5, 2]), [])
  await turn()
  t.strictSame(server.lane.submits, [], 'nothing was ready')
  waiting[1]?.resolve()
  await turn()
  t.strictSame(server.lane.submits.map((rows) => rows.map((row) => [row.slot, show(row)])), [[[2, 'reply 0400000000000000']]]) // prettier-ignore
  waiting[0]?.buffer.fill(0x33)
  waiting[0]?.resolve()
  await turn()
  t.strictSame(
    server.lane.submits.at(-1)?.map((row) => [row.slot, show(row)]),
    [[5, 'reply 33333333']],
  )
})

t.test('the buffer a backend gets is the slot itself: data of a write, place for a read', async (t) => {
  const { waiting, server } = held()
  server.batch([write(0, 'cafe'), read(0, 2)])
  t.equal(waiting[0]?.buffer.toString('hex'), 'cafe')
  t.equal(waiting[1]?.buffer.buffer, server.lane.slab)
  for (const each of waiting) each.resolve()
  await turn()
})

t.test('answers that settle together leave in one submit', async (t) => {
  const { waiting, server } = held()
  server.batch([read(0), read(512), read(1024), read(1536)])
  for (const [index, each] of waiting.entries()) {
    if (index === 2) each.reject(Object.assign(new Error('bad sector'), { errno: 5 }))
    else each.resolve()
  }
  await turn()
  t.equal(server.lane.submits.length, 1)
  t.strictSame(server.lane.submits[0]?.map(({ slot, what }) => [slot, what]).sort(), [
    [0, 'reply'],
    [1, 'reply'],
    [2, 'error'],
    [3, 'reply'],
  ])
  server.batch([read(0)], [0])
  waiting.at(-1)?.resolve()
  await turn()
  t.equal(server.lane.submits.length, 2, 'and the next turn has its own')
})

t.test('an answer that settles while a batch is answered leaves with that batch', async (t) => {
  const { waiting, server } = held()
  server.batch([read(0)], [0])
  waiting[0]?.resolve()
  // The promise's reaction is queued; the batch runs before it, as a wake-up does that comes first.
  t.strictSame(
    server.batch([message('OPENDIR', Buffer.alloc(8), { nodeid: 1 })], [1]).map(({ slot }) => slot),
    [1],
  )
  await turn()
  t.strictSame(
    server.lane.submits.map((rows) => rows.map(({ slot }) => slot)),
    [[0]],
  )
})

t.test('a slot is used again after its answer, and late answers go to the right request', async (t) => {
  const { waiting, server } = held()
  server.batch([read(0, 4)], [3])
  server.batch([read(512, 8)], [4])
  waiting[1]?.resolve()
  await turn()
  server.batch([read(1024, 16)], [4])
  waiting[0]?.resolve()
  waiting[2]?.resolve()
  await turn()
  t.strictSame(
    server.lane.submits.flat().map(({ slot, length }) => [slot, length]),
    [
      [4, 8],
      [3, 4],
      [4, 16],
    ],
  )
})

t.test('an answer that comes after the lane was closed is dropped: its memory is gone', async (t) => {
  const settle: readonly ((each: Waiting) => void)[] = [
    (each) => {
      each.resolve()
    },
    (each) => {
      each.reject(new Error('too late'))
    },
  ]
  for (const late of settle) {
    const { waiting, server } = held()
    let rejected: unknown
    const note = (reason: unknown): void => {
      rejected = reason
    }
    process.once('unhandledRejection', note)
    server.batch([read(0), write(0, '01')])
    server.lane.close()
    for (const each of waiting) late(each)
    await turn()
    process.off('unhandledRejection', note)
    t.equal(rejected, undefined)
    t.strictSame(server.lane.submits, [])
  }
})

t.test('stat is answered late when the backend must ask for its allocation', async (t) => {
  const server = new Server(fakeBackend({ allocated: () => Promise.resolve(512) }))
  for (const request of [
    message('GETATTR', Buffer.alloc(16)),
    message('STATX', Buffer.alloc(24)),
    message('LOOKUP', '766f6c756d6500', { nodeid: 1 }),
    message('SETATTR', Buffer.alloc(88)),
  ]) {
    t.match(await server.answer(request), /^reply .*0200000000000000 ?0000100000000000 ?0100000000000000/)
  }
})

t.test('without an allocation of its own a volume takes its size', (t) => {
  const { allocated: _, ...plain } = fakeBackend()
  const stat = new Server(plain).ask(message('GETATTR', Buffer.alloc(16)))
  t.match(stat, /^reply .{32}020000000000000000001000000000000008000000000000/)
  t.end()
})
