/**
 * Diagnostics must never cost more than their own line.
 */
import { spawnSync } from 'node:child_process'
import { openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { formatLine } from '../src/log.js'

t.test('a log on a full disk loses its lines and ends nothing', (t) => {
  const module = fileURLToPath(new URL('../src/log.ts', import.meta.url))
  const program = `const { createLogger } = await import(${JSON.stringify(module)})
    for (const format of ['json', 'text']) createLogger({ format }).warn('nobody reads this')
    setTimeout(() => process.stdout.write('still here'), 10)`
  const { status, stdout } = spawnSync(process.execPath, [...process.execArgv, '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', openSync('/dev/full', 'w')],
    timeout: 30_000,
  })
  t.equal(stdout.toString(), 'still here')
  t.equal(status, 0)
  t.end()
})

t.test('a line for people: the message, what is wrong in front, fields behind', (t) => {
  const line = { level: 40, time: 1, pid: 2, hostname: 'h', name: 'ringvol', msg: 'it is slow', path: '/a b', count: 3 }
  t.equal(formatLine(JSON.stringify(line)), 'ringvol: warning: it is slow path=/a b count=3\n')
  t.equal(formatLine(JSON.stringify({ ...line, level: 50, msg: 'no' })), 'ringvol: error: no path=/a b count=3\n')
  t.equal(formatLine(JSON.stringify({ level: 30, msg: 'ready' })), 'ringvol: ready\n')
  t.end()
})
