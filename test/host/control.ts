/** One JSON line in, one out; errors keep their code; the last reply leaves before the daemon ends. */
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { RingvolError } from '../../src/errors.js'
import { askStatus, askStop, listenControl, type ControlHandlers } from '../../src/host/control.js'
import { silentLogger } from '../../src/log.js'
import { addon } from '../../src/native/addon.js'
import { unbuilt } from '../native/built.js'
import { machine } from './machine.js'

const status = {
  status: { name: 'disk' },
  counters: { requests: 7 },
  pending: { inFlight: 1, oldestMs: 30 },
  features: { used: [], missing: [] },
}
const handlers: ControlHandlers = {
  status: () => status as unknown as ReturnType<ControlHandlers['status']>,
  stop: (force) =>
    force
      ? Promise.resolve()
      : Promise.reject(new RingvolError('ERR_MOUNT', 'cannot unmount', { advice: 'end that first' })),
}

const send = (path: string, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let reply = ''
    const socket = createConnection(path, () => socket.end(text))
    socket.setEncoding('utf8').on('data', (chunk: string) => (reply += chunk))
    socket.on('end', () => {
      resolve(reply)
    })
    socket.on('error', reject)
  })

t.test('status and stop are answered, errors keep code and text', async (t) => {
  const path = join(machine(t).directory, 'control')
  const server = await listenControl(path, handlers, silentLogger)
  t.teardown(() => server.close())
  t.equal(statSync(path).mode & 0o777, 0o600, 'only the owner may connect')
  t.strictSame(await askStatus(path), status)
  await t.rejects(askStop(path, false), { code: 'ERR_MOUNT', message: 'cannot unmount; end that first' })
  await t.resolves(askStop(path, true))
})

t.test('nonsense gets an error, not a hang, and does not end the server', async (t) => {
  const path = join(machine(t).directory, 'control')
  const server = await listenControl(path, handlers, silentLogger)
  t.teardown(() => server.close())
  t.match(JSON.parse(await send(path, 'nonsense\n')), { ok: false })
  t.match(JSON.parse(await send(path, '{"command":"explode"}\n')), { ok: false, code: 'ERR_USAGE' })
  t.equal(await send(path, 'x'.repeat(100_000)).catch(() => ''), '', 'a line without end is dropped')
  t.strictSame(await askStatus(path), status)
})

t.test('a reply that is owed leaves before close is done', async (t) => {
  const path = join(machine(t).directory, 'control')
  let finish = (): void => undefined
  const stopping = new Promise<void>((resolve) => (finish = resolve))
  let asked = (): void => undefined
  const arrived = new Promise<void>((resolve) => (asked = resolve))
  const stop = (): Promise<void> => {
    asked()
    return stopping
  }
  const server = await listenControl(path, { ...handlers, stop }, silentLogger)
  const answered = askStop(path, false).then(() => 'answered')
  await arrived
  const closed = server.close().then(() => 'closed')
  finish()
  t.equal(await Promise.race([closed, answered.then(() => closed)]), 'closed')
  t.equal(await answered, 'answered')
})

t.test('a daemon that is not there is ERR_DAEMON, a path too long for a socket ERR_NAME', async (t) => {
  const { directory } = machine(t)
  await t.rejects(askStatus(join(directory, 'nobody')), { code: 'ERR_DAEMON' })
  await t.rejects(listenControl(join(directory, 'x'.repeat(110)), handlers, silentLogger), { code: 'ERR_NAME' })
})

t.test('a peer is known by the kernel, and only root and the own user are heard', async (t) => {
  const path = join(machine(t).directory, 'control')
  const seen: (number | undefined)[] = []
  const warnings: string[] = []
  const logger = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) })
  const strangers: (number | undefined)[] = [65534, undefined]
  let user: number | undefined
  const server = await listenControl(path, handlers, logger, () => {
    seen.push(user)
    return user
  })
  t.teardown(() => server.close())
  for (user of strangers) {
    await t.rejects(askStatus(path), { code: 'ERR_PERMISSION', message: /belongs to another user/ }, String(user))
    await t.rejects(askStop(path, true), { code: 'ERR_PERMISSION' }, 'and stops nothing')
  }
  for (user of [0, process.geteuid?.()]) t.strictSame(await askStatus(path), status, String(user))
  t.equal(seen.length, 6)
  t.equal(warnings.length, 4, 'each refusal is logged')
})

t.test('the user behind a socket is the one who connected', { skip: unbuilt }, async (t) => {
  const path = join(machine(t).directory, 'control')
  const server = createServer().listen(path)
  t.teardown(() => server.close())
  const [[socket]] = await Promise.all([
    once(server, 'connection') as Promise<[{ _handle: { fd: number }; end(): void }]>,
    new Promise<void>((resolve) => createConnection(path, resolve).on('data', () => undefined)),
  ])
  t.equal(addon().peerUser(socket._handle.fd), process.geteuid?.())
  socket.end()
  t.throws(() => addon().peerUser(0), /getsockopt/, 'what is no socket has no peer')
})
