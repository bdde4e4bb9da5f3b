/** The life of a serving process, with a volume that only pretends: what is there while it serves, and after. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Backend } from '../../src/backend/backend.js'
import { RingvolError } from '../../src/errors.js'
import { askStatus, askStop } from '../../src/host/control.js'
import { serve, type ServeContext } from '../../src/host/serve.js'
import { silentLogger } from '../../src/log.js'
import type { Volume, VolumeOptions, VolumeStatus } from '../../src/volume.js'
import { machine } from './machine.js'

interface Pretence {
  /** Fails exportVolume. */
  readonly exportError?: Error
  /** Fails the last flush. */
  readonly flushError?: Error
  readonly busy?: () => boolean
  /** An image that the source makes when it is opened. */
  readonly makes?: string
}

type OpenSource = NonNullable<ServeContext['make']>['openSource']

const pretend = ({ exportError, flushError, busy, makes }: Pretence): NonNullable<ServeContext['make']> => ({
  openSource: ((_source: string, { onCreated }: Parameters<OpenSource>[1] = {}) => {
    if (makes !== undefined) {
      writeFileSync(makes, 'created')
      onCreated?.(() => rm(makes))
    }
    return Promise.resolve({} as Backend)
  }) as unknown as OpenSource,
  exportVolume: (_backend: Backend, options: VolumeOptions): Promise<Volume> => {
    if (exportError !== undefined) return Promise.reject(exportError)
    let end: (error?: Error) => void = () => undefined
    const closed = new Promise<void>((resolve, reject) => {
      end = (error) => {
        if (error === undefined) resolve()
        else reject(error)
      }
    })
    closed.catch(() => undefined)
    const { name = '', source = '', mountpoint, readOnly = false } = options
    return Promise.resolve({
      status: { name, source, mountpoint, volume: `${mountpoint}/volume`, readOnly, pid: process.pid } as VolumeStatus,
      features: { used: [], missing: [] },
      counters: () => ({ requests: 1 }),
      pending: () => ({ inFlight: 0, oldestMs: null }),
      closed,
      stop: ({ force = false } = {}) => {
        if (busy?.() === true && !force) {
          return Promise.reject(new RingvolError('ERR_MOUNT', 'busy', { errno: constants.errno.EBUSY }))
        }
        end(flushError)
        return closed
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    })
  },
})

const prepare = (t: Parameters<typeof machine>[0]): { run: string; mountpoint: string; image: string } => {
  const fake = machine(t)
  const before = process.env['RINGVOL_RUN']
  process.env['RINGVOL_RUN'] = fake.run
  t.teardown(() => {
    if (before === undefined) delete process.env['RINGVOL_RUN']
    else process.env['RINGVOL_RUN'] = before
  })
  const mountpoint = join(fake.directory, 'mnt')
  mkdirSync(mountpoint)
  return { run: fake.run, mountpoint, image: join(fake.directory, 'disk.img') }
}

/** Resolves `ready` with the status; `ended` is the promise of serve. */
const begin = (options: Parameters<typeof serve>[0], pretence: Pretence = {}) => {
  let onReady: (status: VolumeStatus) => void = () => undefined
  const ready = new Promise<VolumeStatus>((resolve) => (onReady = resolve))
  const ended = serve(options, { logger: silentLogger, onReady, given: { lanes: '1' }, make: pretend(pretence) })
  ended.catch(() => undefined)
  const first = Promise.race([ready, ended.then(() => Promise.reject(new Error('ended before it was ready')))])
  first.catch(() => undefined)
  return { ready: first, ended }
}

t.test('while it serves it is published and answers; after stop nothing is left', async (t) => {
  const { run, mountpoint } = prepare(t)
  const { ready, ended } = begin({ source: 'memory:1M', mountpoint, name: 'm' })
  t.match(await ready, { name: 'm', source: 'memory:1M', mountpoint })
  const state = JSON.parse(readFileSync(join(run, 'm/state.json'), 'utf8')) as unknown
  t.match(state, { status: { name: 'm' }, options: { lanes: '1' }, owner: { pid: process.pid } })
  t.match(await askStatus(join(run, 'm/control')), { counters: { requests: 1 } })
  await askStop(join(run, 'm/control'), false)
  t.strictSame(await ended, { forcedBy: undefined })
  t.strictSame(readdirSync(run), [])
})

t.test('a volume in use refuses to stop, says so, and keeps serving; force ends it', async (t) => {
  const { run, mountpoint } = prepare(t)
  const { ready, ended } = begin({ source: 'memory:1M', mountpoint, name: 'm' }, { busy: () => true })
  await ready
  await t.rejects(askStop(join(run, 'm/control'), false), { code: 'ERR_MOUNT', message: /is open: / })
  t.match(await askStatus(join(run, 'm/control')), { status: { name: 'm' } })
  await askStop(join(run, 'm/control'), true)
  await ended
})

t.test('a last flush that fails is the error of stop and of serve, and nothing is left', async (t) => {
  const { run, mountpoint } = prepare(t)
  const flushError = new RingvolError('ERR_BACKEND', 'EIO at the last flush')
  const { ready, ended } = begin({ source: 'memory:1M', mountpoint, name: 'm' }, { flushError })
  await ready
  await t.rejects(askStop(join(run, 'm/control'), false), { code: 'ERR_BACKEND', message: /EIO/ })
  await t.rejects(ended, { code: 'ERR_BACKEND' })
  t.strictSame(readdirSync(run), [])
})

t.test('a start that fails leaves neither the name nor the image that it created', async (t) => {
  const { run, mountpoint, image } = prepare(t)
  const pretence = { exportError: new RingvolError('ERR_TRANSPORT', 'not here'), makes: image }
  const { ended } = begin({ source: image, mountpoint, size: 1024 }, pretence)
  await t.rejects(ended, { code: 'ERR_TRANSPORT' })
  t.strictSame(readdirSync(run), [])
  t.notOk(existsSync(image))
})

t.test('an image that it made and served stays, however the volume ends', async (t) => {
  const { run, mountpoint, image } = prepare(t)
  const flushError = new RingvolError('ERR_BACKEND', 'EIO at the last flush')
  const { ready, ended } = begin({ source: image, mountpoint, size: 1024, name: 'm' }, { flushError, makes: image })
  await ready
  await t.rejects(askStop(join(run, 'm/control'), false), { code: 'ERR_BACKEND' })
  await t.rejects(ended, { code: 'ERR_BACKEND' })
  t.equal(readFileSync(image, 'utf8'), 'created')
  t.strictSame(readdirSync(run), [])
})

t.test('an image that was there before stays when the start fails', async (t) => {
  const { mountpoint, image } = prepare(t)
  writeFileSync(image, 'mine')
  const { ended } = begin({ source: image, mountpoint, size: 1024 }, { exportError: new Error('no') })
  await t.rejects(ended, { message: 'no' })
  t.equal(readFileSync(image, 'utf8'), 'mine')
})

t.test('a wrong mountpoint is refused before anything is made', async (t) => {
  const { run, mountpoint, image } = prepare(t)
  writeFileSync(image, 'x')
  const cases = [
    [join(mountpoint, 'missing'), /no such directory; run 'mkdir -p/],
    [image, /not a directory/],
    [join(mountpoint, '..'), /not empty/],
    ['/proc', /is mounted there/],
  ] as const
  for (const [wrong, message] of cases) {
    await t.rejects(begin({ source: image, mountpoint: wrong }).ended, { code: 'ERR_MOUNTPOINT', message }, wrong)
  }
  t.notOk(existsSync(run))
})
