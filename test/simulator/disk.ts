/**
 * A disk that does the worst that a disk may do: it is slow in any order, transfers less than it was asked for, asks to
 * be asked again, fails, and after a power cut holds of each sector the last durable content or any later one.
 *
 * ```
 *  write ──► bytes (what reads see) ──► versions of the sector ──sync──► durable
 * ```
 */
import { constants } from 'node:os'
import { guardByte, guardBytes, volumeBytes } from './model.js'
import type { World } from './world.js'

const sectorBytes = 512
const guard = Buffer.alloc(guardBytes, guardByte)
const { EAGAIN, EINTR, EIO, ENOSPC } = constants.errno

interface Version {
  readonly number: number
  readonly content: Buffer
}

/** How a wrong disk lies; the simulator must find out (see seeds.ts). */
export type Lie = 'sync does nothing' | 'writes land late' | 'reads are of the sector behind'

/** Once in so many operations; 0: never. */
export interface DiskFaults {
  readonly short: number
  readonly again: number
  readonly error: number
}

/** Called once, with 0 or an errno. */
type Done = (errno: number) => void
type Transfer = 'read' | 'write'

export class FakeDisk {
  /** What reads see: the page cache. Longer than the volume, to see what is written behind it. */
  readonly bytes: Buffer
  readonly #durable: Buffer
  readonly #versions = new Map<number, Version[]>()
  readonly #world: World
  readonly #faults: DiskFaults
  readonly #lie: Lie | undefined
  #version = 0

  constructor(world: World, faults: DiskFaults, lie?: Lie, volume: Buffer = Buffer.alloc(volumeBytes)) {
    this.#world = world
    this.#faults = faults
    this.#lie = lie
    this.bytes = Buffer.alloc(volumeBytes + guardBytes, guardByte)
    volume.copy(this.bytes)
    this.#durable = Buffer.from(this.bytes)
  }

  get volume(): Buffer {
    return this.bytes.subarray(0, volumeBytes)
  }

  get guardIsWhole(): boolean {
    return this.bytes.subarray(volumeBytes).equals(guard)
  }

  /** At once, without faults: what a punch or zero-range does, and each piece of a write. */
  store(data: Buffer, offset: number): void {
    data.copy(this.bytes, offset)
    this.#version += 1
    const end = offset + data.length
    for (let sector = Math.floor(offset / sectorBytes); sector * sectorBytes < end; sector++) {
      const content = Buffer.from(this.#sectorOf(this.bytes, sector))
      const versions = this.#versions.get(sector)
      if (versions === undefined) this.#versions.set(sector, [{ number: this.#version, content }])
      else versions.push({ number: this.#version, content })
    }
  }

  /**
   * As the ring does it: what is cut short goes on, what asks to be asked again is, and an error may come after a part
   * was written. `buffer` belongs to the caller until `done`. `mayFail`: false for who cannot tell whose request it is.
   */
  transfer(what: Transfer, buffer: Buffer, offset: number, mayFail: boolean, done: Done): void {
    const world = this.#world
    if (buffer.length === 0) {
      world.later(20, () => {
        done(0)
      })
      return
    }
    world.later(60, () => {
      if (buffer.length === 0) {
        done(EIO) // its lane was closed, and the memory went with it
        return
      }
      if (this.#happens(this.#faults.again)) {
        world.note(`disk: ${what} at ${String(offset)}: ${world.pick(['EAGAIN', 'EINTR'])}`)
        this.transfer(what, buffer, offset, mayFail, done)
        return
      }
      const fails = mayFail && this.#happens(this.#faults.error)
      const short = fails || this.#happens(this.#faults.short)
      const length = short ? world.below(buffer.length) : buffer.length
      this.#move(what, buffer.subarray(0, length), offset)
      if (fails) done(world.pick([EIO, ENOSPC]))
      else this.transfer(what, buffer.subarray(length), offset + length, mayFail, done)
    })
  }

  /** Makes durable what was written when it was called; never tried again. */
  sync(mayFail: boolean, done: Done): void {
    const number = this.#version
    this.#world.later(100, () => {
      const fails = mayFail && this.#happens(this.#faults.error)
      this.#settle(number, fails)
      done(fails ? this.#world.pick([EIO, ENOSPC, EINTR, EAGAIN]) : 0)
    })
  }

  /** What is there when power comes back. */
  afterPowerCut(): Buffer {
    for (const [sector, versions] of this.#versions) {
      const survivor = this.#world.below(versions.length + 1)
      versions[survivor]?.content.copy(this.#durable, sector * sectorBytes) // one further: the durable one
    }
    return this.#durable.subarray(0, volumeBytes)
  }

  /** Durable whatever happens: without what might have reached the disk by luck. */
  get durable(): Buffer {
    return this.#durable.subarray(0, volumeBytes)
  }

  #move(what: Transfer, buffer: Buffer, offset: number): void {
    if (what === 'read') {
      const wrong = this.#lie === 'reads are of the sector behind' && this.#world.oneIn(20) ? sectorBytes : 0
      this.bytes.copy(buffer, 0, offset + wrong, offset + wrong + buffer.length)
    } else if (this.#lie === 'writes land late' && this.#world.oneIn(20)) {
      const late = Buffer.from(buffer)
      this.#world.later(400, () => {
        this.store(late, offset)
      })
    } else {
      this.store(buffer, offset)
    }
  }

  /** After a failed sync a page may be durable, or taken for clean and lost, or still be written later. */
  #settle(number: number, failed: boolean): void {
    if (this.#lie === 'sync does nothing') return
    for (const [sector, versions] of this.#versions) {
      const reached = versions.filter((version) => version.number <= number)
      const fate = failed ? this.#world.pick(['durable', 'lost', 'dirty']) : 'durable'
      if (reached.length === 0 || fate === 'dirty') continue
      if (fate === 'durable') reached.at(-1)?.content.copy(this.#durable, sector * sectorBytes)
      const rest = versions.slice(reached.length)
      if (rest.length === 0) this.#versions.delete(sector)
      else this.#versions.set(sector, rest)
    }
  }

  #sectorOf(bytes: Buffer, sector: number): Buffer {
    return bytes.subarray(sector * sectorBytes, (sector + 1) * sectorBytes)
  }

  #happens(onceIn: number): boolean {
    return onceIn > 0 && this.#world.oneIn(onceIn)
  }
}
