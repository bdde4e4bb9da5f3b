/** What happens in the background is known in the foreground: readiness, failure with its code, death, delay. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { endDaemon, errorIn, startDaemon, type DaemonOptions } from '../../src/host/daemon.js'
import { identify, isAlive } from '../../src/host/process.js'
import { machine } from './machine.js'

const options = (t: Parameters<typeof machine>[0], script: string): DaemonOptions & { warnings: string[] } => {
  const warnings: string[] = []
  return {
    warnings,
    command: [process.execPath, '-e', script],
    environment: process.env,
    log: join(machine(t).directory, 'log'),
    logger: pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) }),
  }
}
const ready = `console.log(JSON.stringify({ name: 'disk', pid: process.pid, volume: '/mnt/volume' }));`

t.test('the ready line is the answer, and warnings before it are repeated', async (t) => {
  const script = `console.error(JSON.stringify({ level: 40, msg: 'careful' })); ${ready} setInterval(() => {}, 1000)`
  const given = options(t, script)
  const { status, id } = await startDaemon(given)
  t.match(status, { name: 'disk', pid: id.pid })
  t.match(given.warnings, [/careful/])
  t.ok(await isAlive(id), 'it goes on')
  t.ok(await endDaemon(id))
  t.notOk(await isAlive(id))
})

t.test('what a module prints while it is loaded is no ready line', async (t) => {
  const chatter = `console.log('hello'); console.log('{"half":'); console.log(42); console.log('null'); console.log('{}'); process.stdout.write('loading ');`
  const { status, id } = await startDaemon(options(t, `${chatter} ${ready} setInterval(() => {}, 1000)`))
  t.match(status, { name: 'disk', pid: id.pid })
  t.ok(await endDaemon(id))
})

t.test('the last error of a daemon that fails is thrown with its code', async (t) => {
  const script = `console.error(JSON.stringify({ level: 50, code: 'ERR_TRANSPORT', msg: 'no uring; switch it on' }))
    process.exitCode = 3`
  await t.rejects(startDaemon(options(t, script)), { code: 'ERR_TRANSPORT', message: 'no uring; switch it on' })
})

t.test('the error is found even if the daemon removed its log', async (t) => {
  const given = options(t, '')
  const script = `console.error(JSON.stringify({ level: 50, code: 'ERR_MOUNT', msg: 'busy' }))
    require('fs').unlinkSync(${JSON.stringify(given.log)}); process.exitCode = 1`
  await t.rejects(startDaemon({ ...given, command: [process.execPath, '-e', script] }), { code: 'ERR_MOUNT' })
  t.notOk(existsSync(given.log))
})

t.test('a daemon that crashes is quoted', async (t) => {
  await t.rejects(startDaemon(options(t, `throw new Error('at once')`)), { code: 'ERR_DAEMON', message: /Node\.js/ })
  const silent = startDaemon(options(t, 'process.exitCode = 7'))
  await t.rejects(silent, { code: 'ERR_DAEMON', message: /ended with status 7/ })
})

t.test('a program that does not exist is an error', async (t) => {
  const given = { ...options(t, ''), command: ['/nonexistent/ringvol'] }
  await t.rejects(startDaemon(given), { code: 'ERR_DAEMON', message: /ENOENT/ })
})

/** Leaves its pid, so that it can be looked for afterwards. */
const slow = (file: string): string =>
  `require('fs').writeFileSync(${JSON.stringify(file)}, String(process.pid)); setInterval(() => {}, 1000)`

t.test('one that is not ready in time is ended', async (t) => {
  const file = join(machine(t).directory, 'pid')
  const given = { ...options(t, slow(file)), deadline: 1000 }
  await t.rejects(startDaemon(given), { code: 'ERR_DAEMON', message: /not ready after 1000 ms/ })
  t.equal(await identify(Number(readFileSync(file, 'utf8'))), undefined)
})

t.test('one that nobody waits for any more is ended', async (t) => {
  const file = join(machine(t).directory, 'pid')
  const controller = new AbortController()
  const started = startDaemon({ ...options(t, slow(file)), signal: controller.signal })
  const timer = setInterval(() => {
    if (existsSync(file)) controller.abort(new Error('Ctrl-C'))
  }, 20)
  await t.rejects(started, { message: 'Ctrl-C' })
  clearInterval(timer)
  t.equal(await identify(Number(readFileSync(file, 'utf8'))), undefined)
})

t.test('a log without an error is quoted, an empty one gives the other reason, an unknown code is ERR_DAEMON', (t) => {
  t.match(errorIn('some words\n', 'it ended'), { code: 'ERR_DAEMON', message: /some words/ })
  t.match(errorIn('', 'it ended'), { message: /it ended/ })
  t.match(errorIn('{"level":50,"code":"ERR_NEW","msg":"x"}\n', ''), { code: 'ERR_DAEMON', message: 'x' })
  t.end()
})
