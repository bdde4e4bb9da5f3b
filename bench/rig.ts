/**
 * The systems of a run: which are attached, what is mounted, and where fio finds its place in them.
 *
 * Systems with stores of their own stay attached for the whole run. Systems that share one store (--image) take turns:
 * opening one closes the other, because two writers of one image would destroy it.
 */
import { join } from 'node:path'
import { type Place } from './fio.js'
import { checkFilesystem, makeFilesystem, mountFilesystem, setFileSize } from './filesystem.js'
import { type Group, type Journal } from './journal.js'
import { peakMemory } from './meter.js'
import { type TargetName } from './plan.js'
import { type SystemRecord } from './results.js'
import { type Running, type System } from './system.js'

const MiB = 1024 ** 2

/** Two halves of whole MiB: patterns that read, and patterns that write. */
export const halves = (filename: string, bytes: number): Place => {
  const half = Math.floor(bytes / 2 / MiB) * MiB
  return { filename, read: { offset: 0, length: half }, write: { offset: half, length: half } }
}

interface Slot {
  readonly running: Running
  mount?: { readonly group: Group; readonly mountpoint: string }
}

export class Rig {
  readonly #journal: Journal
  readonly #records: Map<System, SystemRecord>
  /** Bytes of a target that are used at most. */
  readonly #work: number
  readonly #slots = new Map<System, Slot>()
  readonly #formatted = new Set<string>()

  constructor(journal: Journal, records: Map<System, SystemRecord>, work: number) {
    this.#journal = journal
    this.#records = records
    this.#work = work
  }

  /** Attached, and no other system of the same store is. Throws what `start` throws. */
  async open(system: System): Promise<Running> {
    return (await this.#slot(system)).running
  }

  async #slot(system: System): Promise<Slot> {
    const present = this.#slots.get(system)
    if (present) return present
    for (const other of [...this.#slots.keys()].filter(({ store }) => store === system.store)) await this.close(other)
    const slot: Slot = { running: await system.start() }
    this.#slots.set(system, slot)
    return slot
  }

  /** Where fio works. `file` needs makeFile first; it is mounted here, on demand. */
  async place(system: System, target: TargetName): Promise<Place> {
    const slot = await this.#slot(system)
    const bytes = Math.min(system.size, this.#work)
    if (target === 'raw') return halves(slot.running.device, bytes)
    if (target === 'volume') return halves(slot.running.volume ?? slot.running.device, bytes)
    if (!slot.mount) {
      const group = this.#journal.group()
      slot.mount = {
        group,
        mountpoint: await mountFilesystem(group, slot.running.device, system.name.replaceAll(/\W+/g, '-')),
      }
    }
    // A fifth of the device stays for the file system itself.
    return halves(join(slot.mount.mountpoint, 'data'), bytes * 0.8)
  }

  /** A fresh file system with an empty file of full size in it. */
  async makeFile(system: System): Promise<void> {
    const slot = await this.#slot(system)
    await makeFilesystem(slot.running.device)
    this.#formatted.add(system.store)
    const { filename, write } = await this.place(system, 'file')
    await setFileSize(filename, write.offset + write.length)
  }

  async unmount(system: System): Promise<void> {
    const slot = this.#slots.get(system)
    await slot?.mount?.group.release()
    if (slot) delete slot.mount
  }

  /** Bytes of its daemons since the last forgetPeak, noted in its record too. */
  peak(system: System): number | null {
    const record = this.#records.get(system)
    const peak = peakMemory(this.#slots.get(system)?.running.pids ?? [])
    if (record && peak !== null) record.peakMemory = Math.max(record.peakMemory ?? 0, peak)
    return peak
  }

  /** Idempotent. */
  async close(system: System): Promise<void> {
    const slot = this.#slots.get(system)
    if (!slot) return
    await this.unmount(system)
    this.peak(system)
    await slot.running.stop()
    this.#slots.delete(system)
  }

  /** e2fsck of an image itself, after its system is gone: what was promised through the device must be in the file. */
  async checkImage(system: System): Promise<{ ok: boolean; detail: string } | null> {
    await this.close(system)
    return this.#formatted.has(system.store) && system.store.startsWith('/') ? checkFilesystem(system.store) : null
  }
}
