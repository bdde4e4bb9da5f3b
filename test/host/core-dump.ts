/** Memory stays out of core dumps where payload passes through JavaScript, and only there. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { keepOutOfCoreDumps } from '../../src/host/core-dump.js'
import { silentLogger } from '../../src/log.js'
import { machine } from './machine.js'

t.test('a backend without a file has nothing anonymous dumped; one with a file is left as it is', async (t) => {
  const fake = machine(t)
  const filter = join(fake.proc, 'self/coredump_filter')
  const file = { fd: 3, directFd: -1, alignment: 1, memory: false }
  await keepOutOfCoreDumps({ name: 'file:x', file }, silentLogger, fake)
  t.notOk(existsSync(filter))
  await keepOutOfCoreDumps({ name: 'memory:1M' }, silentLogger, fake)
  t.equal(Number(readFileSync(filter, 'utf8')) & 0x0f, 0, 'private and shared anonymous, private and shared mapped')
})

t.test('a kernel without the switch is no error', async (t) => {
  await t.resolves(keepOutOfCoreDumps({ name: 'memory:1M' }, silentLogger, { ...machine(t), proc: '/nonexistent' }))
})
