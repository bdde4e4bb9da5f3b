/**
 * Notices that somebody changes an image while it is exported: cuts it short, puts another file in its place, makes it
 * or its file system read-only.
 *
 * It looks once a second, on libuv's pool and never on the path of a request. What is found is logged once per kind. A
 * file that became shorter has lost what was behind its new end: from then on that part is gone for good, also for
 * writes, which would make the file longer again with zeros that nobody wrote. The other changes leave the open file as
 * it is. Block devices are not watched: nobody can cut them short.
 */
import { constants } from 'node:fs'
import { access, type FileHandle, stat } from 'node:fs/promises'
import { constants as os } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { errnoOf } from '../errors.js'
import type { Logger } from '../log.js'

const lookEveryMs = 1000

export interface Watched {
  /** For messages. */
  readonly name: string
  /** Absolute. */
  readonly path: string
  readonly handle: FileHandle
  readonly size: number
  readonly write: boolean
}

export class ImageWatch {
  /** One number, shared by all lanes: the bytes from the start that the image still has; Infinity while it is whole. */
  readonly end = new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT)).fill(Infinity)
  readonly #watched: Watched
  readonly #logger: Logger
  readonly #said = new Set<string>()
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

  /** Never rejects. One look at a time: on a file system that hangs, it is the only one that waits. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined))
    return this.#looking
  }

  /** The image ends here, at most, from now on. */
  cut(end: number): void {
    if (end >= this.#watched.size) return
    this.end[0] = Math.min(this.end[0] as number, end)
    this.#say('cut', `it was cut short to ${String(end)} bytes: what lay behind answers EIO, reads and writes; ` +
        'save what is left, and restore the image from a copy') // prettier-ignore
  }

  /** Waits for a look that is going on, but not for one that hangs. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stopped = true
    await Promise.race([this.#looking, sleep(lookEveryMs, undefined, { ref: false })])
  }

  async #look(): Promise<void> {
    const { handle, path, write } = this.#watched
    const open = await handle.stat().catch(() => undefined)
    if (open === undefined) return
    this.cut(open.size)
    const found = await stat(path).catch((error: unknown) =>
      errnoOf(error) === os.errno.ENOENT ? 'nothing' : undefined,
    )
    if (found === 'nothing' || (found !== undefined && (found.ino !== open.ino || found.dev !== open.dev))) {
      this.#say('path', `its path names ${found === 'nothing' ? 'nothing' : 'another file'} now: the volume goes on ` +
          'with the file that it opened, which may be gone when the volume ends') // prettier-ignore
    }
    if (!write) return
    if ((open.mode & 0o222) === 0) {
      this.#say('mode', 'nobody may write it any more: this volume still does, the next start will need --read-only')
    }
    const errno = await access(`/proc/self/fd/${String(handle.fd)}`, constants.W_OK).then(() => 0, errnoOf)
    if (errno === os.errno.EROFS) this.#say('file system', 'its file system has become read-only: writes fail')
  }

  #say(kind: string, what: string): void {
    if (this.#stopped || this.#said.has(kind)) return
    this.#said.add(kind)
    this.#logger.error(`${this.#watched.name}: the image was changed while it is exported: ${what}`)
  }
}
