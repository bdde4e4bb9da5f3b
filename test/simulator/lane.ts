/**
 * A lane as the addon has it, over the fake disk: hands batches to the real dispatcher, executes its rows, and lets
 * file operations answer when the disk is done with them.
 *
 * Short transfers and EAGAIN never show here, because native/ring/file_io.cc goes on with them; the disk does that.
 */
import { Answers } from '../../src/dispatcher/answers.js'
import { Attributes } from '../../src/dispatcher/attributes.js'
import { Dispatcher } from '../../src/dispatcher/dispatcher.js'
import { newPassthrough, Passthrough } from '../../src/dispatcher/passthrough.js'
import type { Backend } from '../../src/backend/backend.js'
import { silentLogger } from '../../src/log.js'
import { writeOut } from '../../src/protocol/abi.js'
import { SlotCursor } from '../../src/protocol/slots.js'
import { type Answer, FakeLane } from '../dispatcher/fake-lane.js'
import type { FakeDisk } from './disk.js'
import { maxPayload } from './requests.js'
import type { World } from './world.js'

export interface LaneOwner {
  readonly world: World
  readonly disk: FakeDisk
  /** errno 0: success, with the reply body. */
  answered(lane: SimulatedLane, slot: number, errno: number, body: Buffer): void
  released(lane: SimulatedLane, slot: number): void
  /** An error that the disk gave the request in this slot. */
  injected(lane: SimulatedLane, slot: number, errno: number): void
}

interface LaneParts {
  readonly backend: Backend
  readonly attributes: SharedArrayBuffer
  readonly readOnly: boolean
  readonly slots: number
  readonly contiguous: boolean
}

export class SimulatedLane extends FakeLane {
  readonly #owner: LaneOwner
  readonly #cursor: SlotCursor
  readonly #dispatcher: Dispatcher
  readonly #bytes: Buffer
  /** Operations that the disk has. */
  #inDisk = 0
  #gone = false
  #inBatch = false

  constructor(owner: LaneOwner, { backend, attributes, readOnly, slots, contiguous }: LaneParts) {
    super({ slots, contiguous, maxPayload })
    this.#owner = owner
    this.#cursor = new SlotCursor(this.slab, this.layout)
    this.#bytes = Buffer.from(this.slab)
    this.#dispatcher = new Dispatcher({
      request: this.#cursor,
      answers: new Answers(this),
      backend,
      attributes: new Attributes(attributes, backend.size, backend.blockSize),
      passthrough: new Passthrough(newPassthrough()),
      readOnly,
      maxPayload,
      logger: silentLogger,
      arrived: this.arrived,
    })
  }

  get gone(): boolean {
    return this.#gone
  }

  get inDisk(): number {
    return this.#inDisk
  }

  /** The slot whose handler runs right now. */
  get handling(): number | undefined {
    return this.#inBatch ? this.#cursor.slot : undefined
  }

  serve(slots: readonly number[]): void {
    this.arrived.set(slots)
    this.#inBatch = true
    this.#dispatcher.batch(slots.length)
    this.#inBatch = false
    this.#execute()
  }

  /** Answers that came outside a batch. */
  override readonly submit = (): void => {
    const { world } = this.#owner
    world.guard(() => {
      if (this.#gone) world.fail('an answer was submitted to a lane that is closed')
      this.#execute()
    })
  }

  override close(): void {
    this.#gone = true
    super.close()
  }

  #execute(): void {
    for (const row of this.take()) this.#perform(row)
  }

  #perform({ slot, what, length, offset, body }: Answer): void {
    const { disk } = this.#owner
    const payload = this.#payload(slot, what === 'readFile' || what === 'writeFile' ? length : 0)
    switch (what) {
      case 'reply':
        this.#owner.answered(this, slot, 0, body)
        return
      case 'error':
        this.#owner.answered(this, slot, length, Buffer.alloc(0))
        return
      case 'release':
        this.#owner.released(this, slot)
        return
      case 'readFile':
        disk.transfer(
          'read',
          payload,
          offset,
          true,
          this.#finish(slot, () => payload),
        )
        break
      case 'writeFile':
        disk.transfer(
          'write',
          payload,
          offset,
          true,
          this.#finish(slot, () => this.#written(slot, length)),
        )
        break
      case 'syncFile':
        disk.sync(
          true,
          this.#finish(slot, () => payload),
        )
    }
    this.#inDisk += 1
  }

  #finish(slot: number, body: () => Buffer): (errno: number) => void {
    return (errno) => {
      this.#inDisk -= 1
      if (this.#gone) return
      if (errno !== 0) this.#owner.injected(this, slot, errno)
      this.#owner.answered(this, slot, errno, errno === 0 ? body() : Buffer.alloc(0))
    }
  }

  #payload(slot: number, length: number): Buffer {
    const start = this.layout.payloadOffset + slot * this.layout.payloadStride
    return this.#bytes.subarray(start, start + length)
  }

  #written(slot: number, length: number): Buffer {
    const body = this.#payload(slot, writeOut.bytes)
    body.writeUInt32LE(length, writeOut.size)
    body.writeUInt32LE(0, writeOut.size + 4)
    return body
  }
}
