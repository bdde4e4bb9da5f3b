/**
 * The table of docs/protocol.md is the table of src/dispatcher/table.ts: same rows, same facts, and where its answer
 * is plain, the answer that the dispatcher gives.
 */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { rows } from '../../src/dispatcher/table.js'
import { opcode } from '../../src/protocol/abi.js'
import { fakeBackend, message, Server } from './fake-lane.js'

const text = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8')
const heading = '| request | plane | bytes | answer | reason |'
const table = text.slice(text.indexOf(heading)).split('\n\n')[0] ?? ''
const documented = table
  .split('\n')
  .slice(2)
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, name = '', plane = '', bytes = '', answer = '', reason = '']) => ({ name, plane, bytes, answer, reason }))

t.test('every opcode has one row, in the order of the table, with its plane and size', (t) => {
  t.strictSame(
    documented.map(({ name, plane, bytes }) => ({ name, plane, bytes })),
    [...rows.values()].map(({ name, plane, argumentBytes }) => ({ name, plane, bytes: String(argumentBytes) })),
  )
  t.end()
})

t.test('every answer has a reason', (t) => {
  for (const { name, answer, reason } of documented) t.ok(answer.length > 3 && reason.length > 5, name)
  t.end()
})

/** Answers that are the same whatever the request says. */
const plain: Readonly<Record<string, string>> = {
  'no answer': 'release',
  success: 'reply',
  ENOSYS: 'ENOSYS',
  EPERM: 'EPERM',
  ENOTTY: 'ENOTTY',
}

t.test('plain answers are what the dispatcher says', (t) => {
  const server = new Server(fakeBackend())
  const checked = documented.filter(({ answer }) => answer in plain)
  t.ok(checked.length > 30, `${String(checked.length)} rows are plain`)
  for (const { name, answer } of checked) {
    const number = Object.entries(opcode).find(([each]) => each === name)?.[1] ?? -1
    t.equal(server.ask(message(number, Buffer.alloc(128))), plain[answer], name)
  }
  t.end()
})

t.test('rows are named after their opcodes', (t) => {
  for (const [number, { name }] of rows)
    t.equal(Object.entries(opcode).find(([, value]) => value === number)?.[0], name)
  t.equal(rows.size, Object.keys(opcode).length)
  t.end()
})
