/**
 * The end of a volume, with lanes and a mount that only note what is done to them: order, results, and what a failure
 * does to the steps after it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { LaneCounters, LaneHandle, Pending } from '../src/lane/handle.js'
import { silentLogger } from '../src/log.js'
import { laneCounters } from '../src/native/addon.js'
import type { Mount } from '../src/transport/mount.js'
import type { Limits } from '../src/volume-limits.js'
import { RunningVolume, type Serving } from '../src/volume-life.js'
import { fakeBackend } from './dispatcher/fake-lane.js'

const zero = Object.fromEntries(Object.keys(laneCounters).map((name) => [name, 0])) as LaneCounters

interface Fakes {
  readonly serving: Serving
  /** What was done, in order. */
  readonly done: string[]
  /** Ends the connection, as the first lane tells it. */
  readonly end: (errno: number) => void
}

interface FakeOptions {
  readonly lanes?: readonly Partial<LaneCounters>[]
  readonly drained?: boolean
  /** What fails, by the name it has in `done`. */
  readonly failing?: Readonly<Record<string, Error>>
  /** What never settles. */
  readonly hanging?: string
  readonly readOnly?: boolean
  readonly pending?: Pending
  /** false: lanes close with operations on the image that have not ended. */
  readonly settled?: boolean
  /** Settles when the kernel has taken the first operations, or refused them. */
  readonly begun?: Promise<void>
}

const idle: Pending = { inFlight: 0, oldestMs: null }

const fakes = (options: FakeOptions = {}): Fakes => {
  const {
    lanes = [{}],
    drained = true,
    failing = {},
    hanging,
    readOnly = false,
    pending = idle,
    settled = true,
    begun = Promise.resolve(),
  } = options
  const done: string[] = []
  const note = async (what: string): Promise<void> => {
    done.push(what)
    await Promise.resolve()
    if (failing[what] !== undefined) throw failing[what]
    if (hanging === what) await new Promise(() => undefined)
  }
  let end: (errno: number) => void = () => undefined
  const connection = new Promise<number>((resolve) => (end = resolve))
  const lane = (counters: Partial<LaneCounters>): LaneHandle => ({
    features: ['a'],
    missing: ['b'],
    start: () => connection,
    begun: () => begun,
    drain: () => note('drain').then(() => drained),
    counters: () => ({ ...zero, ...counters }),
    pending: () => pending,
    close: () => note('lane closed').then(() => settled),
  })
  const mount = {
    mountpoint: '/mnt/x',
    deviceFd: -1,
    unmount: ({ lazy }: { lazy: boolean }) => note(lazy ? 'detached' : 'unmounted'),
    close: () => void done.push('device closed'),
    abort: () => void done.push('aborted'),
  } as unknown as Mount
  const backend = fakeBackend({ flush: () => note('flushed'), close: () => note('backend closed') })
  const serving: Serving = {
    backend,
    mount,
    lanes: lanes.map(lane),
    choice: { transport: 'classic', carrier: 'classic', reason: 'it was there' },
    options: { mountpoint: '/mnt/x', name: 'x' },
    readOnly,
    logger: silentLogger,
  }
  return { serving, done, end: (errno) => { end(errno) } } // prettier-ignore
}

const takeDown = ['drain', 'flushed', 'lane closed', 'detached', 'device closed', 'backend closed']
const ENODEV = 19
const EINVAL = 22

t.test('what the kernel refuses at the start is no volume, also where it takes a message to say so', async (t) => {
  for (const late of [false, true]) {
    const begun = late ? sleep(20) : undefined
    const { serving, end } = fakes({ ...(begun === undefined ? {} : { begun }) })
    const starting = RunningVolume.start(serving)
    if (late) setTimeout(end, 10, EINVAL)
    else end(EINVAL)
    await t.rejects(starting, { code: 'ERR_TRANSPORT', errno: EINVAL, message: /did not start: EINVAL/ })
  }
})

t.test('an end from outside drains, flushes, and closes everything, once', async (t) => {
  const { serving, done, end } = fakes()
  const volume = await RunningVolume.start(serving)
  end(ENODEV)
  await volume.closed
  t.strictSame(done, takeDown)
  await volume.stop()
  t.strictSame(done.slice(takeDown.length), ['unmounted'], 'a stop afterwards takes nothing down again')
})

t.test('stop unmounts first and resolves when all is closed', async (t) => {
  const { serving, done, end } = fakes()
  const volume = await RunningVolume.start(serving)
  const stopped = volume.stop().then(() => done.push('stopped'))
  await new Promise((resolve) => setImmediate(resolve))
  end(ENODEV)
  await stopped
  t.strictSame(done, ['unmounted', ...takeDown, 'stopped'])
})

t.test('a volume that is busy refuses to stop and goes on serving', async (t) => {
  const busy = Object.assign(new Error('busy'), { errno: 16 })
  const { serving, done } = fakes({ failing: { unmounted: busy } })
  const volume = await RunningVolume.start(serving)
  await t.rejects(volume.stop(), busy)
  t.strictSame(done, ['unmounted'])
})

t.test('a forced stop ends it also while somebody has it open, and `closed` settles', async (t) => {
  const { serving, done } = fakes()
  const volume = await RunningVolume.start(serving)
  await volume.stop({ force: true })
  await volume.closed
  t.strictSame(done, ['aborted', ...takeDown], 'nothing is taken in after the last flush')
})

t.test('a flush that fails is the result, and nothing is left open for it', async (t) => {
  const lost = Object.assign(new Error('lost'), { errno: 5 })
  const { serving, done, end } = fakes({ failing: { flushed: lost } })
  const volume = await RunningVolume.start(serving)
  end(ENODEV)
  await t.rejects(volume.closed, lost)
  t.strictSame(done, takeDown)
  await t.rejects(volume.stop({ force: true }), lost, 'whoever stops it is told too')
})

t.test(
  'a lane that has died is the result, also if another was heard first, and what it began may go on',
  async (t) => {
    const died = new Error('died')
    const { serving, done, end } = fakes({ lanes: [{}, {}], failing: { 'lane closed': died } })
    const volume = await RunningVolume.start(serving)
    end(ENODEV)
    await t.rejects(volume.closed, died)
    t.equal(done.filter((what) => what === 'lane closed').length, 2, 'and all are closed')
    t.equal(done.at(-1), 'device closed', 'and the image stays locked')
  },
)

t.test('of several failures the first is told: the others may come of it', async (t) => {
  const [lost, stuck] = [new Error('lost'), new Error('stuck')]
  const { serving, done, end } = fakes({ failing: { flushed: lost, 'backend closed': stuck } })
  const volume = await RunningVolume.start(serving)
  end(ENODEV)
  await t.rejects(volume.closed, lost)
  t.strictSame(done, takeDown)
})

t.test('a read-only volume has nothing to flush', async (t) => {
  const { serving, done, end } = fakes({ readOnly: true })
  const volume = await RunningVolume.start(serving)
  end(ENODEV)
  await volume.closed
  t.notOk(done.includes('flushed'))
})

// Both take longer than the deadline of a forced stop, 5 s, so they run side by side.
t.test('only a backend that left requests unanswered is given up on', async (t) => {
  const givesUp = async (what: string): Promise<void> => {
    const { serving, done } = fakes({ drained: false, hanging: what })
    const volume = await RunningVolume.start(serving)
    await t.rejects(volume.stop({ force: true }), { code: 'ERR_BACKEND', message: /did not end/ }, what)
    t.strictSame(done, ['aborted', ...takeDown], `${what}: every step was taken`)
  }
  const waits = async (): Promise<void> => {
    const { serving } = fakes({ hanging: 'flushed' })
    const volume = await RunningVolume.start(serving)
    const stopped = volume.stop({ force: true })
    const early = new Promise((resolve) => setTimeout(resolve, 6_000, 'still flushing'))
    t.equal(await Promise.race([stopped, early]), 'still flushing', 'a flush has all the time it needs')
  }
  await Promise.all([givesUp('flushed'), givesUp('backend closed'), waits()])
})

t.test('a connection that ends at once is a start that failed', async (t) => {
  const { serving, end } = fakes()
  end(22)
  await t.rejects(RunningVolume.start(serving), { code: 'ERR_TRANSPORT', errno: 22 })
})

t.test('counters are the sums of the lanes, but the last errno is one of them', async (t) => {
  const { serving } = fakes({
    lanes: [
      { requests: 3, bytesRead: 512, lastFileErrno: 5 },
      { requests: 4, lastFileErrno: 28 },
      { requests: 1, lastFileErrno: 0 },
    ],
  })
  const volume = await RunningVolume.start(serving)
  const { requests, bytesRead, lastFileErrno } = volume.counters()
  t.strictSame({ requests, bytesRead }, { requests: 8, bytesRead: 512 })
  t.ok(lastFileErrno === 5 || lastFileErrno === 28, `lastFileErrno is ${String(lastFileErrno)}`)
})

const limits = (done: string[]): Limits => {
  let expired = (): void => undefined
  return {
    requestMs: 1000,
    fired: false,
    start: (_name: string, _loops: number, _pending: unknown, expire: () => void) => {
      expired = expire
      setImmediate(() => {
        expired()
        expired()
      })
    },
    abort: () => void done.push('aborted'),
    close: () => void done.push('limits closed'),
  } as unknown as Limits
}

t.test('a request over its time aborts the connection once, first of all, and is the result', async (t) => {
  const { serving, done } = fakes()
  const volume = await RunningVolume.start({ ...serving, limits: limits(done) })
  await t.rejects(volume.closed, { code: 'ERR_BACKEND', message: /did not answer a request in 1 s/ })
  t.strictSame(done, ['aborted', ...takeDown.toSpliced(-1, 0, 'limits closed')])
})

t.test('an image that an operation may still change stays open, and so locked', async (t) => {
  const { serving, done, end } = fakes({ settled: false })
  const volume = await RunningVolume.start(serving)
  end(ENODEV)
  await t.rejects(volume.closed, { code: 'ERR_BACKEND', message: /have not ended; it stays locked/ })
  t.strictSame(done, takeDown.slice(0, -1))
})
