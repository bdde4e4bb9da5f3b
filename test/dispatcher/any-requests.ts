/**
 * Whatever arrives and however the backend behaves: every slot gets exactly one row, and the dispatcher never throws.
 *
 * A slot without a row hangs its caller for ever; a slot with two rows is a reply to a request that is not there.
 */
import fc from 'fast-check'
import t from 'tap'
import { constants } from 'node:os'
import type { Backend, Extent } from '../../src/backend/backend.js'
import { opcode } from '../../src/protocol/abi.js'
import { seeded } from '../support/seed.js'
import { fakeBackend, fakeFile, message, Server, volumeSize, type Answer } from './fake-lane.js'

const slots = 8
const maxPayload = 16 * 1024
const unanswered = new Set<number>([opcode.FORGET, opcode.BATCH_FORGET, opcode.INTERRUPT, opcode.NOTIFY_REPLY])
const moved = new Set<number>([opcode.READ, opcode.WRITE])
const barriers = new Set<number>([opcode.FSYNC, opcode.FLUSH, opcode.SYNCFS])

/** How one call of the backend ends. */
type Behaviour = 'plain' | 'resolve' | 'late' | 'throw' | 'reject' | 'nonsense'
const behaviours: readonly Behaviour[] = ['plain', 'resolve', 'late', 'throw', 'reject', 'nonsense']

const failures: readonly unknown[] = [
  new Error('no errno'),
  Object.assign(new Error('full'), { errno: constants.errno.ENOSPC }),
  Object.assign(new Error('negative'), { errno: -constants.errno.EIO }),
  Object.assign(new Error('out of range'), { errno: 70000 }),
  undefined,
  'text',
]

const unruly = (script: readonly Behaviour[], file: boolean): Backend => {
  let call = 0
  const behave = <T>(value: T): T | Promise<T> => {
    const error = failures[call % failures.length]
    switch (script[call++ % script.length]) {
      case 'throw':
        throw error
      case 'reject':
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- that is the case under test
        return Promise.reject(error)
      case 'resolve':
        return Promise.resolve(value)
      case 'late':
        return new Promise((resolve) => setImmediate(resolve, value))
      case 'nonsense':
        return 12n as unknown as T
      default:
        return value
    }
  }
  const done = (): void | Promise<void> => behave(undefined)
  return fakeBackend({
    read: done,
    write: done,
    flush: done,
    trim: done,
    zero: done,
    allocate: done,
    extents: (offset, length) => behave<Extent[]>([{ offset, length: Math.min(length, 65536), kind: 'data' }]),
    allocated: () => behave(4096),
    ...(file ? { file: fakeFile } : {}),
  })
}

/** Argument words as they hurt: zero, one, the end of the volume, the largest there are, the odd mode bit. */
const word = fc.oneof(
  fc.constantFrom(0, 1, 3, 4, 16, 17, 512, 4096, volumeSize, volumeSize - 1, 0x7fffffff, 0xffffffff),
  fc.nat(0xffff),
)
const request = fc
  .record({
    operation: fc.oneof(
      fc.constantFrom(...Object.values(opcode)),
      fc.constantFrom(0, 7, 19, 60, 4096, 0xffffffff),
      fc.constantFrom(opcode.READ, opcode.WRITE, opcode.FALLOCATE, opcode.LSEEK),
    ),
    words: fc.array(word, { maxLength: 26 }),
    name: fc.constantFrom('', 'volume\0', 'volume', 'x'.repeat(300)),
    nodeid: fc.constantFrom(0, 1, 2, 3, 2 ** 40),
  })
  .map(({ operation, words, name, nodeid }) => {
    const body = Buffer.alloc(words.length * 4)
    for (const [index, value] of words.entries()) body.writeUInt32LE(value, index * 4)
    return { operation, bytes: message(operation, Buffer.concat([body, Buffer.from(name)]), { nodeid }) }
  })

const allows = (operation: number, { what }: Answer, file: boolean): boolean => {
  if (unanswered.has(operation)) return what === 'release'
  if (what === 'reply' || what === 'error') return true
  if (what === 'readFile' || what === 'writeFile') return file && moved.has(operation)
  return what === 'syncFile' && file && barriers.has(operation)
}

t.test('any sequence of requests: one row for each slot, of a kind its request allows', async (t) => {
  const { seed } = seeded(t)
  const property = fc.asyncProperty(
    fc.array(fc.array(request, { minLength: 1, maxLength: slots }), { minLength: 1, maxLength: 4 }),
    fc.array(fc.constantFrom(...behaviours), { minLength: 1, maxLength: 12 }),
    fc.record({ file: fc.boolean(), contiguous: fc.boolean(), readOnly: fc.boolean() }),
    async (batches, script, { file, contiguous, readOnly }) => {
      const server = new Server(unruly(script, file), { slots, maxPayload, contiguous, readOnly })
      for (const batch of batches) {
        const answers = server.batch(batch.map(({ bytes }) => bytes))
        for (let turn = 0; turn < 50 && answers.length < batch.length; turn++) {
          await new Promise((resolve) => setImmediate(resolve))
          answers.push(...server.lane.submits.splice(0).flat())
        }
        const order = answers.map(({ slot }) => slot).sort((a, b) => a - b)
        if (order.join() !== batch.map((_, index) => index).join()) throw new Error(`rows for slots ${order.join()}`)
        for (const answer of answers) {
          const operation = batch[answer.slot]?.operation ?? -1
          if (!allows(operation, answer, file)) throw new Error(`opcode ${String(operation)} got ${answer.what}`)
          if (answer.what === 'error' && !(answer.length > 0 && answer.length < 512)) throw new Error('not an errno')
          if (answer.what !== 'error' && answer.length > maxPayload) throw new Error('longer than a slot')
        }
      }
      // A second answer would come in a later turn.
      await new Promise((resolve) => setImmediate(resolve))
      if (server.lane.submits.length > 0) throw new Error('a slot was answered twice')
    },
  )
  await t.resolves(fc.assert(property, { seed, numRuns: 400 }))
})
