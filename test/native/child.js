// Programs that use the addon and end, driven by lanes.ts and threads.ts: a crash or a hang must not be the test's own.
//
// usage: node --expose-gc child.js PROGRAM [ARGUMENT…]
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const load = () => createRequire(import.meta.url)(process.env.RINGVOL_ADDON ?? '../../build/Release/ringvol.node')
const addon = load()

/** 4 MiB: a lane of 4 slots has a slab of 16 MiB, with `uring` twice that. */
const maxPayload = 4 << 20

const tick = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms))
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)

const laneOn = (deviceFd, transport) =>
  new addon.Lane({
    transport,
    deviceFd,
    queues: [0, 1],
    depth: 4,
    maxPayload,
    file: undefined,
    without: [],
    sleepsInRing: false,
  })

/** What a lane holds: descriptors for ring and eventfd, and address space for its slab. Mappings are no measure: neighbours merge. */
const held = () => ({
  descriptors: readdirSync('/proc/self/fd').length,
  kilobytes: Number(/^VmSize:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]),
})

/** Collects until finalizers have run: they are queued by one turn of the loop and run in a later one. */
const collect = async () => {
  for (let round = 0; round < 10; round++) {
    globalThis.gc()
    await tick()
  }
}

const programs = {
  /** Says what it reads, if it is the second image. */
  async replaced() {
    if (process.env.IMAGE === 'second') {
      for await (const text of process.stdin.setEncoding('utf8')) say(text)
      return
    }
    const environment = [...Object.entries(process.env).map(([name, value]) => `${name}=${value}`), 'IMAGE=second']
    addon.exec(process.execPath, ['node', ...process.execArgv, ...process.argv.slice(1)], environment)
  },
  /** VmFlags of the mappings that hold the slab (proc_pid_smaps(5)). */
  async dumped(transport) {
    const device = openSync('/dev/null', 'r+')
    const lane = laneOn(device, transport)
    new Uint8Array(lane.slab).fill(0x5a, 0, 4096)
    const mappings = readFileSync('/proc/self/smaps', 'utf8').split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/)
    const large = mappings.filter((text) => Number(/^Size:\s+(\d+)/m.exec(text)?.[1]) >= maxPayload / 1024)
    const slab = large.filter(
      (text) =>
        / rw-p 00000000 00:00 0\s*\n/.test(text) &&
        Number(/^Size:\s+(\d+)/m.exec(text)[1]) === Math.ceil(lane.slab.byteLength / 4096) * 4,
    )
    say(slab.map((text) => /^VmFlags:(.*)$/m.exec(text)[1].trim()))
    lane.close()
    closeSync(device)
  },
  /** Lanes that nobody keeps are freed with all they hold. */
  async dropped(transport) {
    const device = openSync('/dev/null', 'r+')
    const make = (count) => {
      for (let index = 0; index < count; index++) laneOn(device, transport)
    }
    make(3)
    await collect()
    const before = held()
    make(100)
    await collect()
    say({ before, after: held() })
  },

  /** A view of the slab outlives the lane object: the memory must stay until the view is gone. */
  async viewed(transport) {
    const device = openSync('/dev/null', 'r+')
    const views = []
    for (let index = 0; index < 20; index++) views.push(new Uint8Array(laneOn(device, transport).slab))
    await collect()
    for (const view of views) view.fill(7)
    say({ length: views[0].length, last: views.at(-1).at(-1) })
  },

  /** Closing gives everything back at once, and may be said twice. */
  async closed(transport) {
    const device = openSync('/dev/null', 'r+')
    const before = held().descriptors
    for (let index = 0; index < 100; index++) {
      const lane = laneOn(device, transport)
      const { slab, arrived, actions, counters } = lane
      lane.close()
      lane.close()
      lane.submit()
      const left = [slab, arrived, actions, counters].map((buffer) => buffer.byteLength)
      if (left.some((length) => length > 0)) throw new Error(`memory is still visible: ${left.join()}`)
    }
    say({ before, after: held().descriptors })
  },

  /** Lanes that served and were closed are freed, although their callbacks know them. */
  async served(transport) {
    const serve = async (count) => {
      for (let index = 0; index < count; index++) {
        const device = addon.openDevice()
        const lane = laneOn(device, transport)
        await new Promise((resolve) =>
          lane.start(
            () => lane.submit(),
            () => setImmediate(resolve, lane),
          ),
        )
        lane.close()
        addon.closeDevice(device)
      }
    }
    await serve(3)
    await collect()
    const before = held()
    await serve(100)
    await collect()
    say({ before, after: held() })
  },

  /** A device that is not mounted ends the lane with an errno; nothing keeps the process alive afterwards. */
  async unmounted(transport) {
    const device = addon.openDevice()
    const lane = laneOn(device, transport)
    const errno = await new Promise((resolve) => lane.start(() => undefined, resolve))
    await tick()
    lane.close()
    addon.closeDevice(device)
    say({ errno })
  },

  /** Threads end while they have lanes, started or not, and while promises of theirs run on the pool. */
  async terminated(transport) {
    for (let round = 0; round < 10; round++) {
      const worker = new Worker(new URL(import.meta.url), { workerData: { transport, round } })
      await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
      await worker.terminate()
    }
    say({ after: held().descriptors })
  },

  /** The same addon in several threads at once, each with its own. */
  async shared(transport) {
    const workers = Array.from({ length: 4 }, () => new Worker(new URL(import.meta.url), { workerData: { transport } }))
    const codes = await Promise.all(
      workers.map((worker) => new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))),
    )
    say({ codes })
  },

  /** process.exit() with a lane that runs, one that does not, and work on the pool. */
  exit(transport) {
    laneOn(openSync('/dev/null', 'r+'), transport)
    const file = openSync(import.meta.filename ?? new URL(import.meta.url).pathname, 'r')
    void addon.seek(file, 0, 3)
    process.exit(7)
  },
}

const work = async ({ transport, round }) => {
  const device = openSync('/dev/null', 'r+')
  const lane = laneOn(device, transport)
  if (round === undefined) {
    lane.close()
    closeSync(device)
    return
  }
  const file = openSync('/proc/self/maps', 'r')
  for (let index = 0; index < 8; index++) void addon.seek(file, 0, 3).catch(() => undefined)
  globalThis.kept = lane
  setInterval(() => undefined, 1000)
  parentPort.postMessage('up')
}

if (isMainThread) await programs[process.argv[2]](...process.argv.slice(3))
else await work(workerData)
