/**
 * What this run has made and must take away again.
 *
 * Each resource is written down before it is made, and taking away is the same code for success, failure, Ctrl-C and
 * for the next run after a kill -9: the entries in reverse order, each undone in a way that does no harm when the
 * resource is already gone or was never made. One directory, /run/ringvol-bench-*, holds the journal, the tmpfs and
 * the mountpoints of one run.
 */
import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readText } from './mounts.js'
import { undo } from './undo.js'

export type Entry =
  /** A kernel parameter that was `was` and is set to `value`. */
  | { readonly kind: 'parameter'; readonly path: string; readonly value: string; readonly was: string }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'mount'; readonly path: string }
  /** Loop devices whose backing file is `file`. */
  | { readonly kind: 'loop'; readonly file: string }
  /** A volume of ringvol; `command` starts its command line. */
  | { readonly kind: 'volume'; readonly name: string; readonly command: readonly string[] }
  /** A daemon that writes its process id to `pidFile`; `marker` stands in its command line. */
  | { readonly kind: 'process'; readonly pidFile: string; readonly marker: string }

const defaultRoot = '/run'
const prefix = 'ringvol-bench-'

/** Process id and start time: the id alone may belong to somebody else by now. */
const identity = (pid: number | 'self'): string | null => {
  const stat = readText(`/proc/${String(pid)}/stat`)
  return stat === null
    ? null
    : `${stat.split(' ')[0] ?? ''} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`
}

export class Journal {
  readonly directory: string
  readonly #entries: Entry[] = []

  private constructor(directory: string, entries: readonly Entry[] = []) {
    this.directory = directory
    this.#entries.push(...entries)
  }

  static create(root = defaultRoot): Journal {
    const journal = new Journal(mkdtempSync(join(root, prefix)))
    writeFileSync(join(journal.directory, 'owner'), identity('self') ?? '')
    return journal
  }

  /** Call it before the resource is made. */
  record<T extends Entry>(entry: T): T {
    appendFileSync(join(this.directory, 'journal'), `${JSON.stringify(entry)}\n`)
    this.#entries.push(entry)
    return entry
  }

  /** Takes one resource away. If that throws, the entry stays for the end. */
  async undo(entry: Entry): Promise<void> {
    await undo(entry)
    const index = this.#entries.lastIndexOf(entry)
    if (index >= 0) this.#entries.splice(index, 1)
  }

  /** The resources of one system, which end together while others go on. */
  group(): Group {
    return new Group(this)
  }

  /** Takes everything away, whatever fails on the way. Returns what could not be taken away, a line each. */
  async undoAll(): Promise<string[]> {
    const problems: string[] = []
    for (const entry of [...this.#entries].reverse()) {
      try {
        await this.undo(entry)
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error))
      }
    }
    // With something still mounted below, removing could remove through the mount.
    if (problems.length === 0) rmSync(this.directory, { recursive: true, force: true })
    return problems
  }

  /** Clears up after runs that were killed. Returns what it found and did, a line each. */
  static async sweep(root = defaultRoot): Promise<string[]> {
    const said: string[] = []
    for (const name of readdirSync(root).filter((entry) => entry.startsWith(prefix))) {
      const directory = join(root, name)
      const owner = readText(join(directory, 'owner'))
      const alive = owner !== null && owner !== '' && identity(Number(owner.split(' ')[0])) === owner
      if (alive) {
        said.push(
          `another benchmark is running (process ${owner.split(' ')[0] ?? ''}): the figures of both are worth little`,
        )
        continue
      }
      said.push(`clearing up after a run that was killed: ${directory}`)
      // Only what carries the run's own name or lies in its directory: somebody may be using their image again by now.
      const entries = readEntries(directory).filter(
        (entry) => entry.kind !== 'loop' || entry.file.startsWith(directory),
      )
      said.push(...(await new Journal(directory, entries).undoAll()))
    }
    return said
  }
}

export class Group {
  readonly directory: string
  readonly #journal: Journal
  readonly #entries: Entry[] = []

  constructor(journal: Journal) {
    this.#journal = journal
    this.directory = journal.directory
  }

  record<T extends Entry>(entry: T): T {
    this.#entries.push(entry)
    return this.#journal.record(entry)
  }

  /** Takes the group's resources away, last first. Stops at the first that cannot be taken away; it stays journalled. */
  async release(): Promise<void> {
    for (let entry = this.#entries.at(-1); entry !== undefined; entry = this.#entries.at(-1)) {
      await this.#journal.undo(entry)
      this.#entries.pop()
    }
  }
}

/** The last line may be half written. */
const readEntries = (directory: string): Entry[] =>
  (readText(join(directory, 'journal')) ?? '').split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as Entry]
    } catch {
      return []
    }
  })
