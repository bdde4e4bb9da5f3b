/**
 * How many lanes, which kernel queues each serves, and where it is pinned.
 */
import t from 'tap'
import { planDepth, planLanes } from '../../src/lane/plan.js'

const transports = ['uring', 'classic', 'syscall'] as const
const plan = (requested: number | 'auto', transport: (typeof transports)[number], cpus: number, manyThreads = true) =>
  planLanes(requested, { transport, cpus, manyThreads })

t.test('auto is one lane that moves freely and serves every queue', (t) => {
  t.strictSame(plan('auto', 'uring', 3), [{ queues: [0, 1, 2], cpu: undefined }])
  for (const transport of ['classic', 'syscall'] as const) {
    t.strictSame(plan('auto', transport, 8), [{ queues: [], cpu: undefined }])
  }
  t.end()
})

t.test('a lane per CPU is pinned to the CPU whose queue it serves', (t) => {
  t.strictSame(plan(2, 'uring', 2), [
    { queues: [0], cpu: 0 },
    { queues: [1], cpu: 1 },
  ])
  t.strictSame(plan(3, 'uring', 3, false), [{ queues: [0, 1, 2], cpu: undefined }], 'for one thread: the main one')
  t.end()
})

t.test('one lane is never pinned: it shares its thread with the rest of the program', (t) => {
  t.strictSame(plan('auto', 'uring', 1), [{ queues: [0], cpu: undefined }])
  t.strictSame(plan(1, 'uring', 2), [{ queues: [0, 1], cpu: undefined }])
  t.end()
})

t.test('fewer lanes than CPUs share the queues, and a lane with several is not pinned to one of them', (t) => {
  t.strictSame(plan(2, 'uring', 5), [
    { queues: [0, 2, 4], cpu: undefined },
    { queues: [1, 3], cpu: undefined },
  ])
  t.end()
})

t.test('every kernel queue is served by exactly one lane, whatever is asked for', (t) => {
  for (const cpus of [1, 2, 3, 16, 17, 64, 512]) {
    for (const requested of ['auto', 1, 2, 3, 7, 16, 64, 1024] as const) {
      const lanes = plan(requested, 'uring', cpus)
      const queues = lanes.flatMap((lane) => lane.queues).sort((a, b) => a - b)
      t.strictSame(
        queues,
        Array.from({ length: cpus }, (_, cpu) => cpu),
        `${String(requested)} on ${String(cpus)}`,
      )
      t.ok(
        lanes.every((lane) => lane.queues.length > 0),
        'no lane without a queue',
      )
    }
  }
  t.end()
})

t.test('what makes no sense is cut: more lanes than queues, more than one without a file', (t) => {
  t.equal(plan(64, 'uring', 4).length, 4)
  t.equal(plan(64, 'classic', 4).length, 16)
  for (const transport of transports) t.equal(plan(8, transport, 8, false).length, 1, transport)
  t.end()
})

const MiB = 1 << 20

t.test('automatic depth is 32 slots per CPU, less where a ring or an ArrayBuffer ends', (t) => {
  t.equal(planDepth('auto', { cpus: 2, lanes: 1, maxPayload: MiB }), 32)
  t.equal(planDepth('auto', { cpus: 1024, lanes: 1, maxPayload: 4096 }), 16, 'a ring of 16384 slots')
  const most = 2 ** 32 // bytes that a Buffer of Node 20 can show
  for (const cpus of [1, 16, 64, 128, 256, 4096]) {
    for (const maxPayload of [4096, MiB, 8 * MiB]) {
      for (const lanes of [1, 2, 16]) {
        const depth = planDepth('auto', { cpus, lanes, maxPayload })
        const slab = depth * Math.ceil(cpus / lanes) * (maxPayload + 4096 + 512) + 8192
        if (depth > 1) t.ok(slab < most, `${String(cpus)} CPUs, ${String(lanes)} lanes of ${String(maxPayload)} bytes`)
      }
    }
  }
  t.end()
})

t.test('a depth that does not fit is refused with the one that does', (t) => {
  t.equal(planDepth(512, { cpus: 4, lanes: 1, maxPayload: MiB }), 512)
  const refused = (requested: number, cpus: number, maxPayload: number) => () =>
    planDepth(requested, { cpus, lanes: 1, maxPayload })
  t.throws(refused(4096, 4, MiB), { code: 'ERR_USAGE', message: /from 1 to 1012;/ })
  t.throws(refused(0, 4, 4096), { code: 'ERR_USAGE', message: /from 1 to 4096;/ })
  t.throws(refused(1.5, 4, 4096), { code: 'ERR_USAGE' })
  t.end()
})
