/**
 * The first, second, third … operation of a backend fails while requests are served: that one request gets the errno,
 * every other one what it always gets, and the volume holds what succeeded.
 */
import { constants } from 'node:os'
import t from 'tap'
import { checked } from '../../src/backend/checked.js'
import { MemoryBackend } from '../../src/backend/memory.js'
import { errnoName } from '../../src/errors.js'
import { composeLayers } from '../../src/layer/registry.js'
import { silentLogger } from '../../src/log.js'
import { hex32, hex64, message, Server } from './fake-lane.js'

const size = 64 * 1024
const block = 4096

const at = (offset: number, length: number): string => `${hex64(0)} ${hex64(offset)} ${hex32(length)} 00000000`
const write = (offset: number, byte: number): Buffer => {
  const fields = Buffer.from(`${at(offset, block)} ${hex64(0)} ${hex64(0)}`.replace(/\s/g, ''), 'hex')
  return message('WRITE', Buffer.concat([fields, Buffer.alloc(block, byte)]))
}
const read = (offset: number): Buffer => message('READ', `${at(offset, block)} ${hex64(0)} ${hex64(0)}`)
const fallocate = (mode: number, offset: number): Buffer =>
  message('FALLOCATE', `${hex64(0)} ${hex64(offset)} ${hex64(block)} ${hex32(mode)} 00000000`)

interface Step {
  readonly request: Buffer
  /** What it leaves where, if it succeeds. */
  readonly leaves?: readonly [offset: number, byte: number]
}

const steps: readonly Step[] = [
  { request: write(0, 1), leaves: [0, 1] },
  { request: write(block, 2), leaves: [block, 2] },
  { request: message('FSYNC', Buffer.alloc(16)) },
  { request: read(3 * block) },
  { request: write(0, 3), leaves: [0, 3] },
  { request: fallocate(3, block), leaves: [block, 0] },
  { request: write(2 * block, 4), leaves: [2 * block, 4] },
  { request: fallocate(17, 2 * block), leaves: [2 * block, 0] },
  { request: write(3 * block, 5), leaves: [3 * block, 5] },
  { request: message('FLUSH', Buffer.alloc(24)) },
]

/** Answers of all steps, and what the volume holds afterwards. */
const serve = async (layers: readonly string[]): Promise<{ answers: string[]; content: Buffer }> => {
  const memory = new MemoryBackend(size)
  const backend = checked(composeLayers(layers, memory, { logger: silentLogger }))
  await backend.open()
  const server = new Server(backend)
  const answers: string[] = []
  for (const { request } of steps) answers.push(await server.answer(request))
  const content = Buffer.alloc(size)
  memory.read(content, 0)
  return { answers, content }
}

const errnos = ['EIO', 'ENOSPC', 'EINTR', 'EAGAIN', 'ENOMEM', 'ENOSYS'] as const

t.test('each operation of the backend fails in turn, and no other request notices', async (t) => {
  const clean = await serve([])
  for (const errno of errnos) {
    let nth = 1
    for (; nth <= steps.length + 1; nth++) {
      const { answers, content } = await serve([`error:errno=${errno},nth=${String(nth)},seed=1`])
      const failed = answers.flatMap((answer, index) => (answer === clean.answers[index] ? [] : [index]))
      const where = `${errno}, operation ${String(nth)}`
      const expected = Buffer.alloc(size)
      for (const [index, { leaves }] of steps.entries()) {
        if (leaves === undefined || failed.includes(index)) continue
        const [offset, byte] = leaves
        expected.fill(byte, offset, offset + block)
      }
      t.ok(content.equals(expected), `${where}: the volume holds what succeeded`)
      if (failed.length === 0) break
      t.equal(failed.length, 1, `${where}: one request failed`)
      // The kernel would take ENOSYS for "never ask again".
      t.equal(answers[failed[0] ?? -1], errnoName(constants.errno[errno === 'ENOSYS' ? 'EIO' : errno]), where)
    }
    t.equal(nth, steps.length + 1, 'each step is one operation, and each has failed once')
  }
})

t.test('without a failure each of them succeeds', async (t) => {
  const { answers } = await serve([])
  for (const answer of answers) t.match(answer, /^reply/)
})
