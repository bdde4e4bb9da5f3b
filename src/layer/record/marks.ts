/**
 * Marks for a log, taken from a text file that others append to: each line becomes a mark, before whatever request
 * comes next.
 *
 * So `echo before-rename >> marks` in a script is in the log between what was answered before it and what is asked
 * after it. The file is looked at on each request, which costs a stat; only what is appended after the start counts.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { longestMark, logSector } from './format.js'

const longest = longestMark(logSector)

export class Marks {
  readonly #path: string
  #seen: number

  constructor(path: string) {
    this.#path = path
    this.#seen = this.#size()
  }

  /** The lines that are new. A line without an end is not one yet. Throws what reading throws. */
  take(): string[] {
    const size = this.#size()
    if (size < this.#seen) this.#seen = 0 // somebody has begun it anew
    if (size === this.#seen) return []
    const bytes = Buffer.alloc(size - this.#seen)
    const fd = openSync(this.#path, 'r')
    let length: number
    try {
      length = readSync(fd, bytes, 0, bytes.length, this.#seen)
    } finally {
      closeSync(fd)
    }
    const end = bytes.subarray(0, length).lastIndexOf('\n') + 1
    this.#seen += end
    return bytes
      .toString('utf8', 0, end)
      .split('\n')
      .slice(0, -1)
      .filter((line) => line !== '')
      .map((line) => Buffer.from(line).subarray(0, longest).toString('utf8'))
  }

  #size(): number {
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0
  }
}
