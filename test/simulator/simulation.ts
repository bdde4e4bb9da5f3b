/**
 * One seed: a volume, a kernel that sends requests to it, and an end that comes at any step; then perhaps another life
 * on what is left.
 *
 * ```
 *  fake kernel ─► slots ─► Dispatcher ─► rows ─────────────► fake disk
 *       ▲          (real)       └► checked ─► layers ─► backend ──┘
 *       └── answers, each judged by model.ts when it comes
 * ```
 *
 * The dispatcher, its answers, the checks, the layers, the memory backend and the stand-in of worker lanes are real;
 * the kernel, the addon and the disk are not, so nothing here proves anything about C++. The tests that need root do.
 */
import { constants } from 'node:os'
import type { Backend } from '../../src/backend/backend.js'
import { checked } from '../../src/backend/checked.js'
import { MemoryBackend } from '../../src/backend/memory.js'
import { newAttributes } from '../../src/dispatcher/attributes.js'
import { errnoName } from '../../src/errors.js'
import { composeLayers } from '../../src/layer/registry.js'
import { silentLogger } from '../../src/log.js'
import { askingOf, type Caller, DiskBackend, LateLayer, WitnessLayer } from './backends.js'
import { FakeDisk, type DiskFaults, type Lie } from './disk.js'
import { type LaneOwner, SimulatedLane } from './lane.js'
import { type Barrier, type Change, Model, volumeBytes } from './model.js'
import { draw, type Request } from './requests.js'
import { Violation, World } from './world.js'

export type End = 'unmount' | 'abort' | 'kill' | 'power cut'

export interface Outcome {
  /** Of everything that happened, in order. */
  readonly hash: string
  readonly requests: number
  readonly faults: number
  readonly ends: readonly End[]
}

interface InSlot {
  readonly request: Request
  readonly sent: number
  readonly effect: Change | Barrier | undefined
  /** What went wrong below on its behalf. */
  readonly injected: Set<number>
}

/** Which volume a life has. */
interface Shape {
  readonly kind: 'file' | 'methods' | 'memory'
  readonly lanes: number
  readonly slots: number
  readonly contiguous: boolean
  readonly readOnly: boolean
  readonly layers: readonly string[]
  readonly late: boolean
}

const drawShape = (world: World): Shape => {
  const kind = world.pick(['file', 'file', 'methods', 'methods', 'memory'] as const)
  const operation = world.pick(['any', 'read', 'write', 'flush', 'trim'])
  const errno = world.pick(['EIO', 'ENOSPC', 'EINTR', 'EAGAIN', 'ENOSYS'])
  const share = world.pick(['nth=3', 'probability=5%', 'probability=50%'])
  const error = `error:op=${operation},errno=${errno},${share},seed=${String(1 + world.below(1000))}`
  return {
    kind,
    lanes: kind === 'file' && world.oneIn(3) ? 2 : 1,
    slots: world.pick([1, 2, 8, 8]),
    contiguous: world.oneIn(2),
    readOnly: world.oneIn(20),
    // A layer hides the file, as it does in a real volume.
    layers: kind === 'file' ? [] : [...(world.oneIn(3) ? [error] : []), ...(world.oneIn(4) ? ['log'] : [])],
    late: kind !== 'file' && world.oneIn(3),
  }
}

const faultFree: DiskFaults = { short: 0, again: 0, error: 0 }

export class Simulation implements LaneOwner, Caller {
  readonly world: World
  disk: FakeDisk
  readonly #faults: DiskFaults
  readonly #lie: Lie | undefined
  readonly #slots = new Map<SimulatedLane, Map<number, InSlot>>()
  readonly #waiting: Request[] = []
  #shape: Shape
  #model: Model
  #blame: ((errno: number) => void) | undefined
  #unique = 0
  #left = 0
  #faultCount = 0
  #serving = false

  constructor(seed: number, lie?: Lie) {
    this.world = new World(seed)
    const rate = (): number => this.world.pick([0, 4, 20])
    this.#faults =
      lie !== undefined || this.world.oneIn(4) ? faultFree : { short: rate(), again: rate(), error: rate() }
    this.#lie = lie
    this.#shape = drawShape(this.world)
    this.disk = new FakeDisk(this.world, this.#faults, lie)
    this.#model = new Model(Buffer.alloc(volumeBytes))
  }

  async run(): Promise<Outcome> {
    const ends: End[] = []
    for (let lives = 1 + this.world.below(3); lives > 0; lives--) ends.push(await this.#live())
    return { hash: this.world.hash, requests: this.#unique, faults: this.#faultCount, ends }
  }

  async #live(): Promise<End> {
    const { world } = this
    const shape = drawShape(world)
    this.#shape = shape
    // Memory dies with its process, so what a crash may do to it is nothing that anybody was promised.
    const end = world.pick<End>(
      shape.kind === 'memory' ? ['unmount', 'abort'] : ['unmount', 'abort', 'kill', 'power cut'],
    )
    // A memory volume is empty whatever the one before it held.
    if (shape.kind === 'memory') this.#model = new Model(Buffer.alloc(volumeBytes))
    world.note(`life: ${JSON.stringify(shape)}, ends by ${end}`)
    const backend = checked(this.#backendOf(shape))
    await backend.open()
    this.#openLanes(backend)
    this.#left = 10 + world.below(50)
    this.#serving = true
    this.#arrive()
    const steps = end === 'unmount' ? Infinity : 1 + world.below(this.#left * 6)
    for (let step = 0; step < steps && !world.idle; step++) await world.step()
    this.#serving = false
    if (end === 'kill' || end === 'power cut') this.#crash(end)
    else await this.#close(backend, end)
    if (shape.kind !== 'memory') this.#startFrom(end === 'power cut' ? this.disk.afterPowerCut() : this.disk.volume)
    else this.#startFrom(Buffer.alloc(volumeBytes))
    return end
  }

  #backendOf({ kind, layers, late, readOnly }: Shape): Backend {
    const { world } = this
    let backend: Backend = kind === 'memory' ? new MemoryBackend(volumeBytes) : this.#diskBackend(kind === 'file')
    if (readOnly) return composeLayers(['readonly'], backend, { logger: silentLogger })
    if (late) backend = new LateLayer(backend, world, this)
    if (layers.length > 0) backend = composeLayers(layers, backend, { logger: silentLogger })
    return layers.length > 0 ? new WitnessLayer(backend, this) : backend
  }

  #diskBackend(hasFile: boolean): Backend {
    return new DiskBackend(this.world, this.disk, this, hasFile)
  }

  #openLanes(backend: Backend): void {
    const { lanes, slots, contiguous, readOnly } = this.#shape
    const attributes = newAttributes(0o600, 0, 0)
    this.#slots.clear()
    for (let index = 0; index < lanes; index++) {
      const own = lanes > 1 ? askingOf(backend, this.world, this) : backend
      this.#slots.set(new SimulatedLane(this, { backend: own, attributes, readOnly, slots, contiguous }), new Map())
    }
  }

  // The kernel: sends, and takes answers.

  /** New requests, then a look of a lane at what has arrived; goes on until none is left. */
  #arrive(): void {
    this.world.later(30, () => {
      if (!this.#serving) return
      const batch = 1 + this.world.below(6)
      for (let index = 0; index < batch && this.#left > 0; index++, this.#left--) {
        const others = [...this.#slots.values()].flatMap((slots) => [...slots.values()].map(({ request }) => request))
        this.#waiting.push(draw(this.world, ++this.#unique, others, this.#shape.readOnly))
      }
      this.#fill()
      if (this.#left > 0) this.#arrive()
    })
  }

  /** Puts what waits into free slots, as many as there are, and lets the lanes look. */
  #fill(): void {
    if (!this.#serving) return
    for (const [lane, slots] of this.#slots) {
      const arrived: number[] = []
      for (let slot = 0; slot < this.#shape.slots && this.#waiting.length > 0; slot++) {
        const request = slots.has(slot) ? undefined : this.#waiting.shift()
        if (request === undefined) continue
        this.world.note(`${String(request.unique)} in slot ${String(slot)}: ${request.name}`)
        const sent = this.world.tick
        slots.set(slot, { request, sent, effect: request.send?.(this.#model, sent), injected: new Set() })
        lane.put(slot, request.message)
        arrived.push(slot)
      }
      if (arrived.length > 0) lane.serve(arrived)
    }
  }

  #take(lane: SimulatedLane, slot: number): InSlot {
    const inSlot = this.#slots.get(lane)?.get(slot)
    if (inSlot === undefined) this.world.fail(`slot ${String(slot)} was answered twice`)
    this.#slots.get(lane)?.delete(slot)
    if (this.#waiting.length > 0) this.world.later(5, () => { this.#fill() }) // prettier-ignore
    return inSlot
  }

  released(lane: SimulatedLane, slot: number): void {
    const { request } = this.#take(lane, slot)
    if (request.silent !== true) this.world.fail(`${String(request.unique)} (${request.name}) was never answered`)
  }

  answered(lane: SimulatedLane, slot: number, errno: number, body: Buffer): void {
    const { request, sent, effect, injected } = this.#take(lane, slot)
    const { world } = this
    // The connection is gone: the transport drops it, and whoever asked has heard ECONNABORTED.
    if (!this.#serving) return
    const what = `${String(request.unique)} (${request.name})`
    const said = errno === 0 ? `success, ${String(body.length)} bytes` : errnoName(errno)
    world.note(`${what}: ${said}`)
    if (request.silent === true) world.fail(`${what} was answered, and nobody waits for it`)
    if (effect !== undefined) Object.assign(effect, { answered: world.tick, succeeded: errno === 0 })
    if (request.refused !== undefined) {
      if (errno !== request.refused) world.fail(`${what}: ${said} instead of ${errnoName(request.refused)}`)
      return
    }
    if (injected.size > 0) {
      if (injected.has(errno)) return
      world.fail(`${what}: ${said} instead of ${[...injected].map(errnoName).join(' or ')}`)
    }
    const noData = errno === constants.errno.ENXIO && request.name.startsWith('LSEEK')
    const wrong = errno === 0 || noData ? request.check?.(body, sent, this.#model) : 'nothing failed below'
    if (wrong !== undefined) world.fail(`${what}: ${said}: ${wrong}`)
    if (effect === undefined) return
    if ('start' in effect) this.#judgeDisk(what, Math.max(0, effect.start - 512), effect.end + 512)
    else this.#judgeDisk(what)
  }

  /** What a crash right now would leave: of a kill in that range, or of a power cut where there is none. */
  #judgeDisk(after: string, start?: number, end?: number): void {
    const { kind, readOnly } = this.#shape
    if (kind === 'memory' || readOnly) return
    const wrong =
      (start === undefined
        ? this.#model.wrongAfterPowerCut(this.disk.durable)
        : this.#model.wrongForReader(this.disk.volume.subarray(start, end), start, this.world.tick)) ??
      (this.disk.guardIsWhole ? undefined : 'something was written behind the volume')
    if (wrong !== undefined) this.world.fail(`after ${after}: ${wrong}`)
  }

  // On whose behalf.

  injected(lane: SimulatedLane, slot: number, errno: number): void {
    const inSlot = this.#slots.get(lane)?.get(slot)
    inSlot?.injected.add(errno)
    this.#faultCount += 1
    this.world.note(`${String(inSlot?.request.unique)} fails with ${errnoName(errno)}`)
  }

  current(): ((errno: number) => void) | undefined {
    for (const [lane, slots] of this.#slots) {
      const inSlot = lane.handling === undefined ? undefined : slots.get(lane.handling)
      if (inSlot !== undefined) {
        return (errno) => {
          inSlot.injected.add(errno)
          this.#faultCount += 1
          this.world.note(`${String(inSlot.request.unique)} fails with ${errnoName(errno)}`)
        }
      }
    }
    return this.#blame
  }

  onBehalf<T>(blame: ((errno: number) => void) | undefined, call: () => T): T {
    this.#blame = blame
    try {
      return call()
    } finally {
      this.#blame = undefined
    }
  }

  // The ends.

  #crash(end: End): void {
    this.world.note(end)
    this.world.forget()
    const { readOnly } = this.#shape
    const wrong =
      (end === 'kill' ? this.#model.wrongForReader(this.disk.volume, 0, this.world.tick) : undefined) ??
      (readOnly ? undefined : this.#model.wrongAfterPowerCut(this.disk.durable))
    if (wrong !== undefined) this.world.fail(`after a ${end}: ${wrong}`)
  }

  /** As volume-life.ts does it: drained, flushed, lanes closed, backend closed. */
  async #close(backend: Backend, end: End): Promise<void> {
    const { world } = this
    world.note(end)
    // A drain has a deadline; what is not answered by then never is.
    for (let patience = world.pick([0, 10, 1000]); patience > 0 && !world.idle; patience--) await world.step()
    const [lost] = world.idle ? [...this.#slots.values()].flatMap((slots) => [...slots.values()]) : []
    if (lost !== undefined) world.fail(`${String(lost.request.unique)} (${lost.request.name}) was never answered`)
    if (end === 'unmount' && this.#waiting.length > 0) world.fail('requests wait for a slot, and no slot becomes free')
    const barrier = this.#model.barrier(world.tick)
    const succeeded = await this.#settled('the last flush', () => (backend.can.flush ? backend.flush?.() : undefined))
    Object.assign(barrier, { answered: world.tick, succeeded })
    for (const lane of this.#slots.keys()) lane.close()
    if (!(await this.#settled('closing', () => backend.close()))) world.fail('the backend did not close')
    while (!world.idle) await world.step()
    this.#judgeDisk(end, 0, volumeBytes)
  }

  /** Lets time pass until it settles; false: it failed. */
  async #settled(what: string, begin: () => void | Promise<void>): Promise<boolean> {
    let result: boolean | undefined
    Promise.resolve()
      .then(begin)
      .then(
        () => (result = true),
        () => (result = false),
      )
    await this.world.step()
    while (result === undefined && !this.world.idle) await this.world.step()
    return result ?? this.world.fail(`${what} never ends`)
  }

  #startFrom(volume: Buffer): void {
    this.world.forget()
    this.#waiting.length = 0
    this.#model = new Model(Buffer.from(volume))
    this.disk = new FakeDisk(this.world, this.#faults, this.#lie, volume)
  }
}

/** Rejects with a Violation that names the seed and shows the end of the trace. */
export const simulate = async (seed: number, lie?: Lie): Promise<Outcome> => {
  try {
    return await new Simulation(seed, lie).run()
  } catch (error) {
    if (error instanceof Violation) throw error
    throw new Violation(`seed ${String(seed)}: ${error instanceof Error ? String(error.stack) : String(error)}`)
  }
}
