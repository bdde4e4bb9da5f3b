/**
 * Notices that somebody changes an image while it is exported: cuts it short, puts another file in its place, makes it
 * or its file system read-only.
 *
 * It looks once a second on libuv's pool, off the path of requests; a flush that goes through the backend, such as the
 * last one, waits for a look. What is found is logged once per kind, and where an answer would promise too much, it is
 * EIO from then on, until the volume ends:
 * - cut short: what was behind the new end, also for writes, which would make the file longer again with zeros that
 *   nobody wrote;
 * - without any name: writes and flushes, because what they store is gone when the volume ends. It can still be read;
 * - made read-only for everybody: writes, because somebody said so.
 * A file that was only renamed goes on. Block devices are not watched: nobody can do that to them.
 */
import { constants, type Stats } from 'node:fs'
import { access, type FileHandle, stat } from 'node:fs/promises'
import { constants as os } from 'node:os'
import { orLate } from '../deadline.js'
import { errnoOf } from '../errors.js'
import type { Logger } from '../log.js'
import { type Limit, limit } from './backend.js'

const lookEveryMs = 1000

export interface Watched {
  /** For messages. */
  readonly name: string
  /** Absolute. */
  readonly path: string
  readonly handle: FileHandle
  /** Of the handle, when it was opened. */
  readonly opened: Stats
  readonly size: number
  readonly write: boolean
}

export class ImageWatch {
  /** As `BackingFile` has them, shared by all lanes; Infinity while nobody changed anything. */
  readonly limits = new Float64Array(new SharedArrayBuffer(3 * Float64Array.BYTES_PER_ELEMENT)).fill(Infinity)
  readonly #watched: Watched
  readonly #logger: Logger
  readonly #said = new Set<string>()
  readonly #why = new Map<Limit, string>()
  readonly #timer: NodeJS.Timeout
  #looking: Promise<void> | undefined
  #stopped = false

  constructor(watched: Watched, logger: Logger) {
    this.#watched = watched
    this.#logger = logger
    this.#timer = setInterval(() => void this.look(), lookEveryMs).unref()
  }

  get changed(): boolean {
    return this.#said.size > 0
  }

  /** What somebody did, for the error of a request that meets the limit; undefined if no look has found it yet. */
  why(kind: Limit): string | undefined {
    return this.#why.get(kind)
  }

  /** Never rejects. One look at a time: on a file system that hangs, it is the only one that waits. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined))
    return this.#looking
  }

  /** The image ends here, at most, from now on. */
  cut(end: number): void {
    if (end >= this.#watched.size) return
    const why = `it was cut short to ${String(end)} bytes`
    this.#lower(limit.read, end, why)
    this.#lower(limit.write, end, why)
    this.#say('cut', `${why}: what lay behind answers EIO, reads and writes; ` +
        'save what is left, and restore the image from a copy') // prettier-ignore
  }

  /** Waits for a look that is going on, but not for one that hangs. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stopped = true
    await orLate(this.#looking, lookEveryMs, undefined)
  }

  async #look(): Promise<void> {
    const { handle, path, opened, write } = this.#watched
    const open = await handle.stat().catch(() => undefined)
    if (open === undefined) return
    this.cut(open.size)
    if (write && open.nlink === 0 && opened.nlink > 0) {
      const why = 'it has no name any more and is gone when the volume ends'
      this.#lower(limit.write, 0, why)
      this.#lower(limit.flush, 0, why)
      this.#say('name', `${why}: writes and flushes answer EIO; copy the volume while it is there`)
    } else {
      await this.#lookAtPath(path, open)
    }
    if (!write) return
    if ((open.mode & 0o222) === 0 && (opened.mode & 0o222) !== 0) {
      const why = 'nobody may write it any more'
      this.#lower(limit.write, 0, why)
      this.#say('mode', `${why}: writes answer EIO until the volume is started anew`)
    }
    const errno = await access(`/proc/self/fd/${String(handle.fd)}`, constants.W_OK).then(() => 0, errnoOf)
    if (errno === os.errno.EROFS) this.#say('file system', 'its file system has become read-only: writes fail')
  }

  async #lookAtPath(path: string, open: Stats): Promise<void> {
    const found = await stat(path).catch((error: unknown) =>
      errnoOf(error) === os.errno.ENOENT ? 'nothing' : undefined,
    )
    if (found === undefined || (found !== 'nothing' && found.ino === open.ino && found.dev === open.dev)) return
    this.#say('path', `its path names ${found === 'nothing' ? 'nothing' : 'another file'} now: the volume goes on ` +
        'with the file that it opened') // prettier-ignore
  }

  #lower(kind: Limit, to: number, why: string): void {
    if (to >= (this.limits[kind] as number)) return
    this.limits[kind] = to
    this.#why.set(kind, why)
  }

  #say(kind: string, what: string): void {
    if (this.#stopped || this.#said.has(kind)) return
    this.#said.add(kind)
    this.#logger.error(`${this.#watched.name}: the image was changed while it is exported: ${what}`)
  }
}
