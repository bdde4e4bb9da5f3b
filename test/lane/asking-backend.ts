/**
 * The stand-in that a worker lane has for its backend: questions cross to the main thread and answers find their way
 * back, in any order, with what an error needs to become an errno.
 */
import { inspect } from 'node:util'
import t from 'tap'
import { AskingBackend } from '../../src/lane/asking-backend.js'
import { fromPlainError, toPlainError, type FromWorker } from '../../src/lane/messages.js'
import { errnoOf, RingvolError } from '../../src/errors.js'

const can = { write: true, flush: true, trim: true, zero: true, extents: true, lanes: false }
const file = { fd: 3, directFd: -1, alignment: 1, memory: false, zeroRange: true, fallocateAlignment: 1 }

type Question = Extract<FromWorker, { type: 'ask' }>

const asking = (): { backend: AskingBackend; asked: Question[] } => {
  const asked: Question[] = []
  const published = { name: 'file:/image', size: 4096, blockSize: 512, can, file }
  const backend = new AskingBackend(published, (message) => {
    // As between threads: only what structured clone lets through.
    if (message.type === 'ask') asked.push(structuredClone(message))
  })
  return { backend, asked }
}

t.test('it is what the main thread published', (t) => {
  const { name, size, blockSize, can: able, file: backing } = asking().backend
  t.strictSame({ name, size, blockSize, able, backing }, { name: 'file:/image', size: 4096, blockSize: 512, able: can, backing: file }) // prettier-ignore
  t.end()
})

t.test('every method that is not about the file asks for itself, with its range', async (t) => {
  const { backend, asked } = asking()
  const answers = [
    backend.flush(),
    backend.trim(512, 1024),
    backend.zero(0, 4096),
    backend.allocate(1024, 512),
    backend.extents(0, 4096),
    backend.allocated(),
  ]
  t.strictSame(
    asked.map(({ method, args }) => [method, ...args]),
    [['flush'], ['trim', 512, 1024], ['zero', 0, 4096], ['allocate', 1024, 512], ['extents', 0, 4096], ['allocated']],
  )
  const extents = [{ offset: 0, length: 4096, kind: 'hole' }]
  const values = [undefined, undefined, undefined, undefined, extents, 2048]
  // Answers come in whatever order the backend settles in.
  for (const { id } of asked.toReversed()) backend.answered(id, values[id], undefined)
  t.strictSame(await Promise.all(answers), values)
})

t.test('an error crosses with its errno, and only its own question fails', async (t) => {
  const { backend, asked } = asking()
  const [trim, flush] = [backend.trim(0, 512), backend.flush()]
  const error = new RingvolError('ERR_SYSTEM', 'trim failed: ENOSPC', { errno: 28, syscall: 'fallocate' })
  backend.answered(asked[0]?.id ?? -1, undefined, structuredClone(toPlainError(error)))
  backend.answered(asked[1]?.id ?? -1, undefined, undefined)
  await t.rejects(trim, { message: 'trim failed: ENOSPC', errno: 28, code: 'ERR_SYSTEM', syscall: 'fallocate' })
  await t.resolves(flush)
})

t.test('an answer to a question that nobody asked, or that was answered, is passed over', async (t) => {
  const { backend, asked } = asking()
  const flush = backend.flush()
  const id = asked[0]?.id ?? -1
  backend.answered(id + 1, 'a stranger', undefined)
  backend.answered(id, 'first', undefined)
  backend.answered(id, undefined, { message: 'second' })
  await t.resolves(flush)
})

t.test('reads and writes never come here: the file does them', (t) => {
  const { backend } = asking()
  t.throws(() => backend.read(), /through the file/)
  t.throws(() => backend.write(), /through the file/)
  t.end()
})

t.test('whatever is thrown keeps its errno across the threads', (t) => {
  for (const thrown of [
    Object.assign(new Error('a'), { errno: -5, code: 'EIO' }),
    Object.assign(new Error('a'), { errno: 28 }),
    Object.assign(new Error('a'), { code: 'EDQUOT' }),
    { errno: 5 },
    new Error('none'),
    'text',
    undefined,
    null,
  ]) {
    t.equal(
      errnoOf(fromPlainError(structuredClone(toPlainError(thrown)))),
      errnoOf(thrown),
      inspect(thrown).replace(/\n.*/s, ''),
    )
  }
  t.end()
})
