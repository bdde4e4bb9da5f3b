/**
 * The backend as a worker lane has it: the file for reads, writes and syncs, the main thread for everything else.
 *
 * What is left (discard, zero, extents, allocated bytes) is rare and slow by nature, so a message each way costs
 * nothing that shows; and the backend itself needs to be neither shared nor opened twice.
 */
import type { Backend, BackingFile, Capabilities, Extent } from '../backend/backend.js'
import { type AskedMethod, fromPlainError, type FromWorker, type PlainError, type WorkerData } from './messages.js'

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

export class AskingBackend implements Backend {
  readonly name: string
  readonly size: number
  readonly blockSize: number
  readonly can: Capabilities
  readonly file: BackingFile
  readonly #post: (message: FromWorker) => void
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 0

  constructor(published: WorkerData['backend'], post: (message: FromWorker) => void) {
    this.name = published.name
    this.size = published.size
    this.blockSize = published.blockSize
    this.can = published.can
    this.file = published.file
    this.#post = post
  }

  #ask(method: AskedMethod, ...args: number[]): Promise<unknown> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#post({ type: 'ask', id, method, args })
    })
  }

  /** The main thread's answer to question `id`. */
  answered(id: number, value: unknown, error: PlainError | undefined): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(fromPlainError(error))
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  read(): never {
    throw new Error('a worker lane reads through the file') // the dispatcher never gets here: `file` is offered
  }

  write(): never {
    throw new Error('a worker lane writes through the file')
  }

  async flush(): Promise<void> {
    await this.#ask('flush')
  }

  async trim(offset: number, length: number): Promise<void> {
    await this.#ask('trim', offset, length)
  }

  async zero(offset: number, length: number): Promise<void> {
    await this.#ask('zero', offset, length)
  }

  async allocate(offset: number, length: number): Promise<void> {
    await this.#ask('allocate', offset, length)
  }

  extents(offset: number, length: number): Promise<Extent[]> {
    return this.#ask('extents', offset, length) as Promise<Extent[]>
  }

  allocated(): Promise<number> {
    return this.#ask('allocated') as Promise<number>
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
