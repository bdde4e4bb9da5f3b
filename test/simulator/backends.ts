/**
 * The backends of a simulation: the fake disk behind the contract of backend.ts, with a file or without, and the layers
 * that only a simulation needs.
 */
import { constants } from 'node:os'
import type { Backend, BackingFile, Capabilities, Extent } from '../../src/backend/backend.js'
import { errnoOf } from '../../src/errors.js'
import { AskingBackend } from '../../src/lane/asking-backend.js'
import { fromPlainError, toPlainError } from '../../src/lane/messages.js'
import { AroundLayer, type Operation } from '../../src/layer/forward.js'
import { fakeFile } from '../dispatcher/fake-lane.js'
import type { FakeDisk } from './disk.js'
import { volumeBytes } from './model.js'
import type { World } from './world.js'

/** Tells on whose behalf a backend is called, and takes note of the errors that it gets. */
export interface Caller {
  /** Takes the request that is being handled; undefined outside a handler, where nobody could be blamed. */
  current(): ((errno: number) => void) | undefined
  /** Runs `call` on behalf of a request. */
  onBehalf<T>(blame: ((errno: number) => void) | undefined, call: () => T): T
}

const failure = (errno: number): Error => Object.assign(new Error('the disk failed'), { errno })

export class DiskBackend implements Backend {
  readonly name = 'disk'
  readonly size = volumeBytes
  readonly blockSize = 512
  readonly can: Capabilities = { write: true, flush: true, trim: true, zero: true, extents: true, lanes: false }
  readonly file: BackingFile | undefined
  readonly #world: World
  readonly #disk: FakeDisk
  readonly #caller: Caller

  constructor(world: World, disk: FakeDisk, caller: Caller, hasFile: boolean) {
    this.#world = world
    this.#disk = disk
    this.#caller = caller
    this.file = hasFile ? fakeFile : undefined
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  read(target: Buffer, offset: number): void | Promise<void> {
    if (this.#answersAtOnce()) {
      this.#disk.bytes.copy(target, 0, offset, offset + target.length)
      return
    }
    return this.#later((mayFail, done) => {
      this.#disk.transfer('read', target, offset, mayFail, done)
    })
  }

  write(source: Buffer, offset: number): void | Promise<void> {
    if (this.#answersAtOnce()) {
      this.#disk.store(source, offset)
      return
    }
    return this.#later((mayFail, done) => {
      this.#disk.transfer('write', source, offset, mayFail, done)
    })
  }

  flush(): Promise<void> {
    return this.#later((mayFail, done) => {
      this.#disk.sync(mayFail, done)
    })
  }

  trim(offset: number, length: number): void | Promise<void> {
    return this.write(Buffer.alloc(length), offset)
  }

  zero(offset: number, length: number): void | Promise<void> {
    return this.write(Buffer.alloc(length), offset)
  }

  /** One sector or a few at a time, late or at once. */
  extents(offset: number, length: number): Extent[] | Promise<Extent[]> {
    const extents: Extent[] = []
    const end = Math.min(offset + length, offset + 512 * (1 + this.#world.below(8)))
    for (let start = offset; start < end;) {
      const next = Math.min(end, Math.floor(start / 512 + 1) * 512)
      const isHole = this.#disk.bytes.subarray(start, next).every((byte) => byte === 0)
      extents.push({ offset: start, length: next - start, kind: isHole ? 'hole' : 'data' })
      start = next
    }
    return this.#answersAtOnce() ? extents : this.#later(this.#nap).then(() => extents)
  }

  allocated(): number | Promise<number> {
    return this.#answersAtOnce() ? 512 : this.#later(this.#nap).then(() => 512)
  }

  readonly #nap = (_mayFail: boolean, done: (errno: number) => void): void => {
    this.#world.later(60, () => {
      done(0)
    })
  }

  #answersAtOnce(): boolean {
    return this.#world.oneIn(3)
  }

  #later(begin: (mayFail: boolean, done: (errno: number) => void) => void): Promise<void> {
    const blame = this.#caller.current()
    return new Promise((resolve, reject) => {
      begin(blame !== undefined, (errno) => {
        if (errno === 0) {
          resolve()
          return
        }
        blame?.(errno)
        reject(failure(errno))
      })
    })
  }
}

/** As the delay layer, in simulated time. */
export class LateLayer extends AroundLayer {
  readonly #world: World
  readonly #caller: Caller

  constructor(next: Backend, world: World, caller: Caller) {
    super(next)
    this.#world = world
    this.#caller = caller
  }

  protected override around(_what: Operation, _at: number, _length: number, forward: () => void | Promise<void>) {
    const blame = this.#caller.current()
    return new Promise<void>((resolve) => {
      this.#world.later(100, resolve)
    }).then(() => this.#caller.onBehalf(blame, forward))
  }
}

/** Over an error layer: blames the request at hand for what comes up. */
export class WitnessLayer extends AroundLayer {
  readonly #caller: Caller

  constructor(next: Backend, caller: Caller) {
    super(next)
    this.#caller = caller
  }

  protected override around(_what: Operation, _at: number, _length: number, forward: () => void | Promise<void>) {
    const blame = this.#caller.current()
    const note = (error: unknown): never => {
      const errno = errnoOf(error) ?? constants.errno.EIO
      // What the kernel would take for "never ask again" is not passed on.
      blame?.(errno === constants.errno.ENOSYS ? constants.errno.EIO : errno)
      throw error
    }
    try {
      const answer = forward()
      return answer instanceof Promise ? answer.catch(note) : answer
    } catch (error) {
      return note(error)
    }
  }
}

/** The stand-in that a worker lane has, and the way of its questions to `main` and back. */
export const askingOf = (main: Backend, world: World, caller: Caller): Backend => {
  const { name, size, blockSize, can } = main
  const asking = new AskingBackend({ name, size, blockSize, can, file: fakeFile }, (message) => {
    if (message.type !== 'ask') return
    const { id, method, args } = message
    const [offset = 0, length = 0] = args
    const blame = caller.current()
    const answer = async (): Promise<void> => {
      try {
        const value = await caller.onBehalf(blame, () => main[method]?.(offset, length))
        world.later(20, () => {
          asking.answered(id, value, undefined)
        })
      } catch (error) {
        const plain = toPlainError(fromPlainError(toPlainError(error)))
        world.later(20, () => {
          asking.answered(id, undefined, plain)
        })
      }
    }
    world.later(20, () => void answer())
  })
  return asking
}
