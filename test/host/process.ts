/** A pid is not a process: numbers are used again, and zombies are not alive. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import {
  identify,
  identifySelf,
  isAlive,
  isDying,
  isEnding,
  sendSignal,
  startTimeIn,
  waitGone,
} from '../../src/host/process.js'
import { machine } from './machine.js'

const fields = (state: string, comm: string): string =>
  `42 (${comm}) ${state} 1 42 42 0 -1 4194560 1 0 0 0 7 8 0 0 20 0 1 0 98765 1000 10 18446744073709551615\n`

t.test('the start time is field 22, whatever the command is called', (t) => {
  t.equal(startTimeIn(fields('S', 'node')), 98765)
  t.equal(startTimeIn(fields('R', 'a) S 1 (b')), 98765)
  t.end()
})

t.test('a process that has ended and waits for its parent is not alive', (t) => {
  t.equal(startTimeIn(fields('Z', 'node')), undefined)
  t.equal(startTimeIn(fields('X', 'node')), undefined)
  t.equal(startTimeIn(''), undefined)
  t.end()
})

t.test('this process is found and alive', async (t) => {
  const self = await identifySelf()
  t.equal(self.pid, process.pid)
  t.ok(await isAlive(self))
})

t.test('a pid that was used again is another process', async (t) => {
  const fake = machine(t)
  fake.process(42, { startTime: 2 })
  t.strictSame(await identify(42, fake), { pid: 42, startTime: 2 })
  t.ok(await isAlive({ pid: 42, startTime: 2 }, fake))
  t.notOk(await isAlive({ pid: 42, startTime: 1 }, fake))
  t.notOk(await isAlive({ pid: 43, startTime: 1 }, fake))
})

t.test('a killed process is ending: while SIGKILL is pending, and while it exits', async (t) => {
  const fake = machine(t)
  const id = { pid: 42, startTime: 98765 }
  const thread = (pending: string): void => {
    fake.write('proc/42/task/42/status', `State:\tD (disk sleep)\nShdPnd:\t${pending}\n`)
  }
  fake.write('proc/42/stat', fields('S', 'node'))
  thread('0000000000000000')
  t.notOk(await isEnding(id, fake), 'it lives')
  thread('0000000000000100')
  t.ok(await isDying(id, fake), 'SIGKILL is pending')
  thread('0000000000000000')
  fake.write('proc/42/stat', fields('S', 'node').replace('4194560', '4194564'))
  t.ok(await isDying(id, fake), 'it took the signal and is exiting')
  fake.write('proc/42/stat', fields('Z', 'node').replace('4194560', '4194564'))
  t.notOk(await isDying(id, fake), 'it has ended')
  t.ok(await isEnding(id, fake))
})

t.test('a process is signalled and awaited; one that is gone is no error', async (t) => {
  const child = spawn('sleep', ['60'])
  const id = await identify(child.pid ?? 0)
  if (id === undefined) throw new Error('sleep did not start')
  t.notOk(await waitGone(id, 50), 'it still runs')
  const exit = once(child, 'exit')
  await sendSignal(id, 'SIGTERM')
  t.ok(await waitGone(id, 5000))
  t.strictSame(await exit, [null, 'SIGTERM'])
  await sendSignal(id, 'SIGTERM')
  const other = { pid: process.pid, startTime: 1 }
  await sendSignal(other, 'SIGKILL')
  t.pass('and a process that only has the pid is left alone')
})
