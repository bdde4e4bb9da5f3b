/**
 * The layer that changes nothing, for layers to extend: each says only what it does differently.
 *
 * Capabilities are forwarded name by name, on purpose: a capability that is invented later stays off in every layer
 * until somebody has thought about it. `file` is never forwarded, because a layer exists to see or change requests, and
 * what the ring does with the file it does not see. A synchronous answer from below stays synchronous.
 */
import { type Backend, type Capabilities, type Extent } from '../backend/backend.js'

export class ForwardLayer implements Backend {
  protected readonly next: Backend

  constructor(next: Backend) {
    this.next = next
  }

  get name(): string {
    return this.next.name
  }

  get size(): number {
    return this.next.size
  }

  get blockSize(): number {
    return this.next.blockSize
  }

  get can(): Capabilities {
    const { write, flush, trim, zero, extents, lanes } = this.next.can
    return { write, flush, trim, zero, extents, lanes }
  }

  get changed(): boolean {
    return this.next.changed === true
  }

  open(): Promise<void> {
    return this.next.open()
  }

  read(target: Buffer, offset: number): void | Promise<void> {
    return this.next.read(target, offset)
  }

  write(source: Buffer, offset: number): void | Promise<void> {
    return this.next.write(source, offset)
  }

  flush(): void | Promise<void> {
    return this.next.flush?.()
  }

  trim(offset: number, length: number): void | Promise<void> {
    return this.next.trim?.(offset, length)
  }

  zero(offset: number, length: number): void | Promise<void> {
    return this.next.zero?.(offset, length)
  }

  allocate(offset: number, length: number): void | Promise<void> {
    return this.next.allocate?.(offset, length)
  }

  extents(offset: number, length: number): Extent[] | Promise<Extent[]> {
    return this.next.extents?.(offset, length) ?? [{ offset, length, kind: 'data' }]
  }

  allocated(): number | Promise<number> {
    return this.next.allocated?.() ?? this.next.size
  }

  close(): Promise<void> {
    return this.next.close()
  }
}

/** The requests a layer may single out by name. */
export const operations = ['read', 'write', 'flush', 'trim', 'zero'] as const
export type Operation = (typeof operations)[number]

/**
 * A layer that treats all of `operations` alike, or one of them: `around` is called once per request it is about and
 * calls `forward` when, and if, the request is to go down. `flush` has offset 0 and the length of the volume.
 */
export abstract class AroundLayer extends ForwardLayer {
  readonly #about: Operation | 'any'

  /** `about`: other operations go down without `around`; default all. */
  constructor(next: Backend, about: Operation | 'any' = 'any') {
    super(next)
    this.#about = about
  }

  /** Barriers pass by here even if there is nothing below to make durable. */
  override get can(): Capabilities {
    return { ...super.can, flush: this.next.can.write }
  }

  protected abstract around(
    operation: Operation,
    offset: number,
    length: number,
    forward: () => void | Promise<void>,
  ): void | Promise<void>

  #pass(
    operation: Operation,
    offset: number,
    length: number,
    forward: () => void | Promise<void>,
  ): void | Promise<void> {
    const concerns = this.#about === 'any' || this.#about === operation
    return concerns ? this.around(operation, offset, length, forward) : forward()
  }

  override read(target: Buffer, offset: number): void | Promise<void> {
    return this.#pass('read', offset, target.length, () => super.read(target, offset))
  }

  override write(source: Buffer, offset: number): void | Promise<void> {
    return this.#pass('write', offset, source.length, () => super.write(source, offset))
  }

  override flush(): void | Promise<void> {
    return this.#pass('flush', 0, this.size, () => (this.next.can.flush ? super.flush() : undefined))
  }

  override trim(offset: number, length: number): void | Promise<void> {
    return this.#pass('trim', offset, length, () => super.trim(offset, length))
  }

  override zero(offset: number, length: number): void | Promise<void> {
    return this.#pass('zero', offset, length, () => super.zero(offset, length))
  }
}
