/**
 * The one wrapper that checks every call to every backend, so that implementations check nothing and may rely on it.
 *
 * It checks state, range, argument types and capabilities, and what `open` published. It converts nothing else: a
 * synchronous answer stays synchronous (no promise, no microtask), bytes are not touched, errors pass through as
 * thrown. What is optional in the contract is filled in with the meaning the contract gives to its absence, so callers
 * need no case for it.
 *
 * ```
 *  new ──open()──► opening ──► open ──close()──► closing ──► closed
 *   │                 │ failed                (waits for what                ▲
 *   └──close()────────┴──────────────────────  was started) ───────────────┘
 * ```
 *
 * Requests are refused in every state but `open`.
 */
import { constants } from 'node:os'
import { errnoName, RingvolError } from '../errors.js'
import { type Backend, type BackingFile, type Capabilities, type Extent } from './backend.js'

/** A backend as its users see it: everything the contract leaves out is there. */
export interface CheckedBackend extends Backend {
  /** Returns at once if `can.flush` is false: there is nothing to make durable. */
  flush(): void | Promise<void>
  /** Throws EOPNOTSUPP if `can.trim` is false. */
  trim(offset: number, length: number): void | Promise<void>
  /** Throws EOPNOTSUPP if `can.zero` is false. */
  zero(offset: number, length: number): void | Promise<void>
  allocate(offset: number, length: number): void | Promise<void>
  /** One extent of data if `can.extents` is false. */
  extents(offset: number, length: number): Extent[] | Promise<Extent[]>
  allocated(): number | Promise<number>
}

type State = 'new' | 'opening' | 'open' | 'closing' | 'closed'

const { EINVAL, EIO, EOPNOTSUPP, EROFS } = constants.errno
const capabilityNames = ['write', 'flush', 'trim', 'zero', 'extents', 'lanes'] as const
const optionalMethods = ['flush', 'trim', 'zero', 'extents'] as const
const maxBlockSize = 1024 * 1024

/** true for a thenable of any kind: a backend written in JavaScript may answer with whatever library's promise it likes. */
export const isPromise = <T>(answer: T | PromiseLike<T>): answer is PromiseLike<T> =>
  typeof answer === 'object' && answer !== null && 'then' in answer && typeof answer.then === 'function'

const isPowerOfTwo = (value: number): boolean => Number.isInteger(Math.log2(value))

class Checked implements CheckedBackend {
  readonly #inner: Backend
  #state: State = 'new'
  #size = 0
  #blockSize = 0
  #can: Capabilities | undefined
  #opening: Promise<void> | undefined
  #closing: Promise<void> | undefined
  /** Asynchronous answers that have not settled; `close` waits for 0. */
  #pending = 0
  #idle: (() => void) | undefined

  constructor(inner: Backend) {
    this.#inner = inner
  }

  get name(): string {
    return this.#inner.name
  }

  // Before `open` these are what the inner backend says; from then on they are the values that were checked.
  get size(): number {
    return this.#can === undefined ? this.#inner.size : this.#size
  }

  get blockSize(): number {
    return this.#can === undefined ? this.#inner.blockSize : this.#blockSize
  }

  get can(): Capabilities {
    return this.#can ?? this.#inner.can
  }

  get file(): BackingFile | undefined {
    return this.#state === 'open' ? this.#inner.file : undefined
  }

  get changed(): boolean {
    return this.#inner.changed === true
  }

  open(): Promise<void> {
    if (this.#state !== 'new') return Promise.reject(this.#notOpen('open'))
    this.#state = 'opening'
    this.#opening = this.#open()
    return this.#opening
  }

  async #open(): Promise<void> {
    try {
      await this.#inner.open()
    } catch (error) {
      this.#state = 'closed'
      throw error
    }
    try {
      this.#publish()
    } catch (error) {
      this.#state = 'closed'
      // What it published is the news; that it does not close either is not.
      await this.#inner.close().catch(() => undefined)
      throw error
    }
    if (this.#state === 'opening') this.#state = 'open'
  }

  /** Checks what `open` published, and keeps it: a backend that changes its size later is none of our contract. */
  #publish(): void {
    const { size, blockSize } = this.#inner
    if (!Number.isSafeInteger(size) || size <= 0 || size % 512 !== 0) {
      throw this.#broken(`size is ${String(size)}`, 'it must be a positive multiple of 512')
    }
    if (!isPowerOfTwo(blockSize) || blockSize < 512 || blockSize > maxBlockSize) {
      throw this.#broken(`blockSize is ${String(blockSize)}`, 'it must be a power of two from 512 to 1M')
    }
    const can = Object.fromEntries(
      capabilityNames.map((name) => [name, this.#capability(name)]),
    ) as unknown as Capabilities
    for (const name of optionalMethods) {
      if (can[name] && typeof this.#inner[name] !== 'function') {
        throw this.#broken(
          `can.${name} is true and ${name}() is missing`,
          'write the method or take the capability back',
        )
      }
    }
    // What changes the volume needs `write`, so a read-only backend has to take back only that.
    const write = can.write
    this.#can = { ...can, flush: write && can.flush, trim: write && can.trim, zero: write && can.zero }
    this.#size = size
    this.#blockSize = blockSize
  }

  #capability(name: keyof Capabilities): boolean {
    const value: unknown = this.#inner.can[name]
    if (value !== undefined && typeof value !== 'boolean') {
      throw this.#broken(`can.${name} is a ${typeof value}`, 'it must be true or false')
    }
    return value === true
  }

  read(target: Buffer, offset: number): void | Promise<void> {
    this.#checkBuffer('read', target)
    this.#checkRange('read', offset, target.length)
    if (target.length === 0) return
    return this.#settle(this.#inner.read(target, offset))
  }

  write(source: Buffer, offset: number): void | Promise<void> {
    this.#checkBuffer('write', source)
    this.#checkRange('write', offset, source.length)
    this.#checkWritable('write')
    if (source.length === 0) return
    return this.#settle(this.#inner.write(source, offset))
  }

  flush(): void | Promise<void> {
    this.#checkState('flush')
    if (this.#can?.flush !== true) return
    return this.#settle(this.#inner.flush?.())
  }

  trim(offset: number, length: number): void | Promise<void> {
    this.#checkRange('trim', offset, length)
    this.#checkWritable('trim')
    if (this.#can?.trim !== true) throw this.#refuse('trim', EOPNOTSUPP, 'is not something it can do')
    if (length === 0) return
    return this.#settle(this.#inner.trim?.(offset, length))
  }

  zero(offset: number, length: number): void | Promise<void> {
    this.#checkRange('zero', offset, length)
    this.#checkWritable('zero')
    if (this.#can?.zero !== true) throw this.#refuse('zero', EOPNOTSUPP, 'is not something it can do')
    if (length === 0) return
    return this.#settle(this.#inner.zero?.(offset, length))
  }

  allocate(offset: number, length: number): void | Promise<void> {
    this.#checkRange('allocate', offset, length)
    this.#checkWritable('allocate')
    if (length === 0) return
    return this.#settle(this.#inner.allocate?.(offset, length))
  }

  extents(offset: number, length: number): Extent[] | Promise<Extent[]> {
    this.#checkRange('extents', offset, length)
    if (length === 0) return []
    if (this.#can?.extents !== true || this.#inner.extents === undefined) return [{ offset, length, kind: 'data' }]
    const answer = this.#track(this.#inner.extents(offset, length))
    if (!isPromise(answer)) return this.#checkExtents(answer, offset, length)
    return answer.then((extents) => this.#checkExtents(extents, offset, length))
  }

  allocated(): number | Promise<number> {
    this.#checkState('allocated')
    return this.#inner.allocated === undefined ? this.#size : this.#track(this.#inner.allocated())
  }

  /** Waits for what was started, then closes. Later calls return the first one's promise. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const opened = await this.#endOpening()
    this.#state = opened ? 'closing' : 'closed'
    if (!opened) return
    if (this.#pending > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    try {
      await this.#inner.close()
    } finally {
      this.#state = 'closed'
    }
  }

  /** false: there is nothing to close, because it was never opened or opening failed. */
  async #endOpening(): Promise<boolean> {
    if (this.#state === 'open') {
      this.#state = 'closing'
      return true
    }
    if (this.#opening === undefined) {
      this.#state = 'closed'
      return false
    }
    if (this.#state === 'opening') this.#state = 'closing'
    return this.#opening.then(
      () => true,
      () => false,
    )
  }

  /** An answer without a value. Anything that is no promise counts as done: `(t, o) => data.copy(t, 0, o)` is a read. */
  #settle(answer: unknown): void | Promise<void> {
    if (!isPromise(answer)) return
    return this.#track(answer) as Promise<void>
  }

  /** Hands a synchronous answer on as it is and counts an asynchronous one until it settles. */
  #track<T>(answer: T | PromiseLike<T>): T | Promise<T> {
    if (!isPromise(answer)) return answer
    this.#pending += 1
    return Promise.resolve(answer).finally(this.#settled)
  }

  readonly #settled = (): void => {
    this.#pending -= 1
    if (this.#pending === 0) this.#idle?.()
  }

  #checkState(operation: string): void {
    if (this.#state !== 'open') throw this.#notOpen(operation)
  }

  #checkBuffer(operation: string, buffer: unknown): void {
    if (Buffer.isBuffer(buffer)) return
    throw this.#refuse(operation, EINVAL, `wants a Buffer, not ${buffer === null ? 'null' : typeof buffer}`)
  }

  /** A range ends inside the volume; offset and length are whole, so their sum is exact wherever it can be in range. */
  #checkRange(operation: string, offset: number, length: number): void {
    this.#checkState(operation)
    const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length)
    if (whole && offset >= 0 && length >= 0 && offset + length <= this.#size) return
    const range = `${String(length)} bytes at ${String(offset)}`
    throw this.#refuse(operation, EINVAL, `of ${range} is not inside its ${String(this.#size)} bytes`)
  }

  #checkWritable(operation: string): void {
    if (this.#can?.write !== true) throw this.#refuse(operation, EROFS, 'is refused: it is read-only')
  }

  /** A hole where there is data makes `cp` lose it, so the answer is looked at: few entries, and never on the data path. */
  #checkExtents(extents: Extent[], offset: number, length: number): Extent[] {
    let end = offset
    for (const extent of extents) {
      const sound = extent.offset === end && Number.isSafeInteger(extent.length) && extent.length > 0
      end += extent.length
      if (!sound || end > offset + length) end = NaN
    }
    if (end > offset) return extents
    throw this.#refuse('extents', EIO, `of ${String(length)} bytes at ${String(offset)} does not cover them in order`)
  }

  #notOpen(operation: string): RingvolError {
    const why =
      this.#state === 'open' ? 'it is open already' : `it is ${this.#state === 'new' ? 'not open' : this.#state}`
    return new RingvolError('ERR_CLOSED', `${this.name}: ${operation} is refused: ${why}`, { errno: EIO })
  }

  #refuse(operation: string, errno: number, what: string): RingvolError {
    return new RingvolError('ERR_BACKEND', `${this.name}: ${operation} ${what}: ${errnoName(errno)}`, { errno })
  }

  #broken(what: string, advice: string): RingvolError {
    return new RingvolError('ERR_BACKEND', `${this.name}: ${what} after open`, { advice, errno: EINVAL })
  }
}

/**
 * `backend` behind the checks; a backend that is checked already is returned as it is. Layers go inside: wrap the whole
 * stack once. Calls throw (at once, not as a rejection) ERR_CLOSED outside `open` … `close` and ERR_BACKEND with
 * EINVAL (range, arguments), EROFS or EOPNOTSUPP; `open` rejects with ERR_BACKEND if what it published breaks the
 * contract, after closing the backend again.
 */
export const checked = (backend: Backend): CheckedBackend =>
  backend instanceof Checked ? backend : new Checked(backend)
