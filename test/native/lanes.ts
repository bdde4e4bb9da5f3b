/**
 * Lanes without a mount: made, dropped, closed, on a device that is not mounted, in threads that end. None of it needs
 * root; each runs in a process of its own, since what is tested for is a crash, a leak or a hang.
 */
import { constants } from 'node:os'
import t, { type Test } from 'tap'
import { addon, laneCounters, type LaneOptions, type LaneTransport } from '../../src/native/addon.js'
import { openSync, closeSync } from 'node:fs'
import { start } from '../support/process.js'
import { child as childProgram, program, unbuilt } from './built.js'

const ringless: string | false =
  unbuilt !== false ? unbuilt : addon().probeIoUring().errno !== 0 && 'io_uring is refused'
const transports: readonly LaneTransport[] = ['uring', 'classic', 'syscall']
const features = unbuilt === false ? addon().probeIoUring().features : []

const lacks = (transport: LaneTransport): string | false => {
  if (transport === 'syscall') return unbuilt
  if (ringless !== false) return ringless
  return transport === 'uring' && !features.includes('sqe128') && 'io_uring has no large entries'
}

const onEach = (name: string, body: (t: Test, transport: LaneTransport) => Promise<void>): void => {
  for (const transport of transports) {
    t.test(`${transport}: ${name}`, { skip: lacks(transport) }, (t) => body(t, transport))
  }
}

/** Must end with this status and one line of JSON. */
const result = async <T>(t: Test, name: string, transport: LaneTransport, status = 0): Promise<T | undefined> => {
  const { code, stdout, stderr } = await program(name, transport)
  t.equal(code, status, `${name} ends with ${String(status)}: ${stderr}`)
  return stdout === '' ? undefined : (JSON.parse(stdout) as T)
}

interface Held {
  readonly descriptors: number
  readonly kilobytes: number
}

/** A hundred slabs are 1600 MiB at least; the heap may grow a little, and a few lanes wait for their finalizers. */
const leavesNothing = (t: Test, held: { before: Held; after: Held } | undefined): void => {
  t.ok((held?.after.descriptors ?? Infinity) <= (held?.before.descriptors ?? 0), JSON.stringify(held))
  t.ok((held?.after.kilobytes ?? Infinity) < (held?.before.kilobytes ?? 0) + 600 * 1024, JSON.stringify(held))
}

onEach('a hundred lanes that nobody keeps leave neither descriptors nor memory', async (t, transport) => {
  leavesNothing(t, await result(t, 'dropped', transport))
})

onEach('a view of the slab may outlive its lane', async (t, transport) => {
  const view = await result<{ length: number; last: number }>(t, 'viewed', transport)
  t.equal(view?.last, 7)
})

onEach('close gives the descriptors back and takes the memory away; twice is fine', async (t, transport) => {
  const held = await result<{ before: number; after: number }>(t, 'closed', transport)
  t.equal(held?.after, held?.before)
})

const noDevice = ((): string | false => {
  if (unbuilt !== false) return unbuilt
  try {
    addon().closeDevice(addon().openDevice())
    return false
  } catch {
    return '/dev/fuse cannot be opened'
  }
})()

for (const transport of transports) {
  const skip = lacks(transport) || noDevice
  t.test(`${transport}: a hundred lanes that served and were closed leave neither`, { skip }, async (t) => {
    leavesNothing(t, await result(t, 'served', transport))
  })

  t.test(
    `${transport}: a device that is not mounted ends the lane with an errno, and the process can end`,
    { skip },
    async (t) => {
      // prettier-ignore
      const ended = await result<{ errno: number }>(t, 'unmounted', transport)
      t.ok((ended?.errno ?? 0) > 0, JSON.stringify(ended))
    },
  )
}

onEach('threads that are terminated with lanes and pool work take the process nowhere', async (t, transport) => {
  await result(t, 'terminated', transport)
})

onEach('four threads have the addon at once', async (t, transport) => {
  const shared = await result<{ codes: number[] }>(t, 'shared', transport)
  t.strictSame(shared?.codes, [0, 0, 0, 0])
})

onEach('process.exit() with a lane and pool work ends with its status', async (t, transport) => {
  await result(t, 'exit', transport, 7)
})

const make = (t: Test, changes: Partial<LaneOptions>): InstanceType<ReturnType<typeof addon>['Lane']> => {
  const deviceFd = openSync('/dev/null', 'r+')
  const options = {
    transport: 'classic',
    deviceFd,
    queues: [0, 1],
    depth: 4,
    maxPayload: 65536,
    without: [],
    sleepsInRing: false,
  } as const
  const lane = new (addon().Lane)({ ...options, ...changes })
  t.teardown(() => {
    lane.close()
    closeSync(deviceFd)
  })
  return lane
}

onEach('the memory has room for a row per slot and lies where the layout says', async (t, transport) => {
  const { layout, slab, arrived, actions, counters } = make(t, { transport })
  t.equal(layout.slots, transport === 'uring' ? 8 : 4, 'depth per queue, or of the device')
  t.equal(arrived.byteLength, layout.slots * 4)
  t.equal(actions.byteLength, layout.slots * 32)
  t.equal(counters.byteLength, Object.keys(laneCounters).length * 8)
  t.equal(layout.payloadOffset % 4096, 0, 'payloads are aligned for O_DIRECT')
  t.equal(layout.payloadStride % 4096, 0)
  t.ok(layout.payloadStride >= 65536)
  t.ok(slab.byteLength >= layout.payloadOffset + (layout.slots - 1) * layout.payloadStride + 65536)
  t.equal(layout.dataFollowsArguments, transport !== 'uring')
  await Promise.resolve()
})

/** Features that the kernel refuses without another one. */
const needing: Readonly<Record<string, readonly string[]>> = {
  'single-issuer': ['defer-taskrun', 'taskrun-flag'],
  'defer-taskrun': ['taskrun-flag'],
}

t.test('a ring feature that is not to be used is not, and the rest stays', { skip: ringless }, (t) => {
  const used = make(t, {}).features
  const setUp = ['restrictions', 'submit-all', 'single-issuer', 'defer-taskrun', 'taskrun-flag', 'ring-fd']
  for (const feature of [...setUp, 'fixed-files', 'read-multishot']) {
    const lane = make(t, { without: [feature] })
    t.notOk(lane.features.includes(feature), feature)
    const orphans = needing[feature] ?? []
    const expected = used.filter((each) => each !== feature && !orphans.includes(each))
    t.strictSame(
      lane.features.filter((each) => each !== 'linked-reads'),
      expected,
      `without ${feature}`,
    )
    if (feature === 'read-multishot') t.ok(lane.features.includes('linked-reads'), 'a chain of reads instead')
    else t.ok(lane.missing.includes(feature), `${feature} is said to be missing`)
  }
  t.end()
})

t.test('without io_uring the lane says so', { skip: unbuilt }, (t) => {
  const lane = make(t, { transport: 'syscall' })
  t.strictSame(lane.features, ['read-write'])
  t.strictSame(lane.missing, ['io_uring'])
  t.end()
})

t.test('a lane on a descriptor that is none throws the system’s error', { skip: ringless }, (t) => {
  const file = { fd: 999_999, directFd: -1, alignment: 1, memory: false }
  t.throws(() => make(t, { file }), { errno: constants.errno.EBADF, code: 'EBADF', syscall: 'fcntl' })
  t.end()
})

onEach('the slab is left out of core dumps', async (t, transport) => {
  const flags = await result<string[]>(t, 'dumped', transport)
  t.ok((flags ?? []).length > 0, 'the slab was found')
  for (const each of flags ?? []) t.ok(each.split(' ').includes('dd'), each)
})

t.test('a process that replaces itself keeps stdin, stdout and stderr', { skip: unbuilt }, async (t) => {
  const replaced = start(process.execPath, [childProgram, 'replaced'])
  replaced.child.stdin?.end('heard')
  t.equal(await replaced.line(), '"heard"')
  t.match(await replaced.ended(), { code: 0 })
})
