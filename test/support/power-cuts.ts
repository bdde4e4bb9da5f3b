/**
 * Power cuts, tried out: a recorded disk is put back to the moment after a flush, plus any part of what came behind it,
 * and has to be a file system that holds everything that had been fsynced by then.
 *
 * ```
 *  log:    write write FLUSH write write write FLUSH …
 *          ────────────────► ─ ─ ─ ─ ─ ─ ─ ─►
 *          all of it         any of it, in blocks of 4 KiB; no more of the log, as nobody had sent more
 * ```
 *
 * What had been fsynced is known from claims: the writer notes, outside the disk, how long the log was when fsync(2)
 * returned. The images are mounted from plain loop devices: ringvol is asked only while recording.
 */
import { strict as assert } from 'node:assert'
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { FileBackend } from '../../src/backend/file.js'
import { type LogEntry, WriteLog } from '../../src/layer/record/reader.js'
import { replayEntry } from '../../src/layer/record/replay.js'
import type { LaneTransport } from '../../src/native/addon.js'
import { fileSystems, mounted, type FileSystem } from './devices.js'
import { attempt, inChild, run } from './process.js'
import { attach, sparseImage } from './ringvol.js'
import { freshDirectory, freshPath } from './scratch.js'
import type { Random } from './seed.js'

/** `path` holds `word` over and over, `length` bytes of it: just that, or more, or a later claim's in place of it. */
export interface Claim {
  readonly kind: 'kept' | 'appended' | 'replaced'
  readonly path: string
  readonly version: number
  readonly word: string
  readonly length: number
  /** Entries of the log when fsync had returned. */
  readonly at: number
}

export interface Recorded {
  readonly fileSystem: FileSystem
  /** The image as it was before. */
  readonly base: string
  readonly log: string
  readonly claims: readonly Claim[]
}

interface Work {
  readonly mountpoint: string
  readonly log: string
  readonly seed: number
  readonly rounds: number
}

/** Runs in a child: see `inChild`. */
const work = async ({ mountpoint, log, seed, rounds }: Work): Promise<Claim[]> => {
  const fs = await import('node:fs')
  let state = seed >>> 0 || 1
  const below = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  const entries = (): number => {
    const bytes = Buffer.alloc(8)
    const fd = fs.openSync(log, 'r')
    fs.readSync(fd, bytes, 0, 8, 16)
    fs.closeSync(fd)
    return Number(bytes.readBigUInt64LE(0))
  }
  const put = (path: string, flags: string, text: string, sync: boolean): void => {
    const fd = fs.openSync(`${mountpoint}/${path}`, flags)
    fs.writeSync(fd, text)
    if (sync) fs.fsyncSync(fd)
    fs.closeSync(fd)
  }
  const syncDirectory = (): void => {
    const fd = fs.openSync(mountpoint, 'r')
    fs.fsyncSync(fd)
    fs.closeSync(fd)
  }
  const claims: Claim[] = []
  const appended = new Map<string, number>()
  for (let version = 0; version < rounds; version += 1) {
    const word = `${String(version).padStart(6, '0')} `
    const text = word.repeat(1 + below(3000))
    const kind = (['kept', 'appended', 'replaced'] as const)[below(3)] ?? 'kept'
    const path = kind === 'kept' ? `kept-${String(version)}` : `${kind}-${String(below(2))}`
    // Beside it, what nobody waits for: it may be there or not, and must not be in the way.
    put(`noise-${String(below(8))}`, 'w', 'noise '.repeat(below(4000)), false)
    if (below(4) === 0) fs.rmSync(`${mountpoint}/noise-${String(below(8))}`, { force: true })
    if (kind === 'appended') {
      const same = 'append '.repeat(text.length / word.length)
      put(path, 'a', same, true)
      appended.set(path, (appended.get(path) ?? 0) + same.length)
    } else if (kind === 'replaced') {
      put('next', 'w', text, true)
      fs.renameSync(`${mountpoint}/next`, `${mountpoint}/${path}`)
    } else put(path, 'w', text, true)
    syncDirectory()
    const length = appended.get(path) ?? text.length
    claims.push({ kind, path, version, word: kind === 'appended' ? 'append ' : word, length, at: entries() })
  }
  return claims
}

export interface RecordOptions {
  readonly fileSystem: FileSystem['name']
  readonly transport: LaneTransport
  readonly seed: number
  /** Files that are written and fsynced. */
  readonly rounds: number
}

/** The least that mkfs.xfs takes is 300 MiB. */
const sizeOf = (name: FileSystem['name']): number => (name === 'ext4' ? 64 : 320) << 20

/** A new file system, and some work on it while ringvol records. */
export const record = async ({ fileSystem: name, transport, seed, rounds }: RecordOptions): Promise<Recorded> => {
  const fileSystem = fileSystems.find((each) => each.name === name)
  assert(fileSystem !== undefined)
  const image = sparseImage(sizeOf(name))
  await fileSystem.make(image)
  const base = freshPath('base')
  await run('cp', ['--sparse=always', image, base])
  const log = freshPath('log')
  const attached = await attach(image, ['--transport', transport, '--layer', `record:file=${log}`])
  const claims = await mounted(attached.device, (mountpoint) =>
    inChild(work, { mountpoint, log, seed, rounds }, { deadline: 120_000 }),
  )
  await attached.detach()
  // Nothing is missing from the log: it leads from the one image to the other.
  const copy = freshPath('copy')
  copyFileSync(base, copy)
  await withLog(log, (file, entries) => replayOnto(file, entries, copy))
  await run('cmp', [copy, image])
  for (const path of [copy, image]) rmSync(path)
  return { fileSystem, base, log, claims }
}

const withLog = async <T>(path: string, body: (log: WriteLog, entries: LogEntry[]) => Promise<T>): Promise<T> => {
  const log = await WriteLog.open(path)
  try {
    const entries: LogEntry[] = []
    for await (const entry of log.entries()) entries.push(entry)
    return await body(log, entries)
  } finally {
    await log.close()
  }
}

const replayOnto = async (log: WriteLog, entries: readonly LogEntry[], image: string): Promise<void> => {
  const backend = new FileBackend(image)
  await backend.open()
  try {
    for (const entry of entries) await replayEntry(log, entry, backend)
  } finally {
    await backend.close()
  }
}

/** A disk writes at least so much at once; what is longer may be torn. */
const block = 4096

/** The parts of these entries that happened to reach the disk. `share`: 0 none of them, 1 all. */
const someOf = (entries: readonly LogEntry[], share: number, random: Random): LogEntry[] =>
  entries.flatMap((entry) => {
    const parts: LogEntry[] = []
    for (let done = 0; done < entry.length;) {
      const length = Math.min(block - ((entry.offset + done) % block), entry.length - done)
      if (random.next() < share) parts.push({ ...entry, offset: entry.offset + done, at: entry.at + done, length })
      done += length
    }
    return parts
  })

/** What is wrong with the files in `directory`, given what had been fsynced. */
const complain = (directory: string, claims: readonly Claim[], all: readonly Claim[]): string[] =>
  claims.flatMap(({ kind, path, version, word, length }) => {
    const file = `${directory}/${path}`
    if (!existsSync(file)) return [`${path} is gone`]
    const text = readFileSync(file, 'latin1')
    const is = (wanted: string, bytes: number): boolean =>
      text.startsWith(wanted.repeat(bytes / wanted.length)) && (kind === 'appended' || text.length === bytes)
    const right =
      kind === 'replaced'
        ? all.some((other) => other.path === path && other.version >= version && is(other.word, other.length))
        : is(word, length)
    return right ? [] : [`${path} (${kind}, version ${String(version)}) does not hold what was fsynced`]
  })

/** Mounts, which recovers; copies all files out; unmounts. Status 10: it does not mount, 11: it cannot be read. */
const rescue =
  'mount -o loop "$1" "$2" || exit 10; cp -a "$2/." "$3"; copied=$?; umount "$2"; [ $copied = 0 ] || exit 11'

/** What is wrong with an image after a power cut; empty when nothing is. */
const judge = async ({ fileSystem, claims: all }: Recorded, image: string, entries: number): Promise<string[]> => {
  const files = freshDirectory('files')
  const mountpoint = freshDirectory('rescued')
  try {
    const { code, stderr } = await attempt('sh', ['-c', rescue, 'sh', image, mountpoint, files], { deadline: 60_000 })
    if (code !== 0) return [`${code === 10 ? 'it does not mount' : 'it cannot be read'}: ${stderr.trim()}`]
    const damage = await fileSystem.check(image).then(() => [], (error: unknown) => [String(error)]) // prettier-ignore
    return [...damage, ...complain(files, all.filter(({ at }) => at <= entries), all)] // prettier-ignore
  } finally {
    rmSync(files, { recursive: true })
  }
}

export interface ExploreOptions {
  readonly random: Random
  /** How many flushes to cut the power behind, spread over the log; three states of each. */
  readonly flushes: number
  /** Milliseconds since 1970: begin nothing new after it. */
  readonly until?: number
  /** How many flushes the disk answered without doing them. Default 0: it is honest. */
  readonly lies?: number
}

export interface Explored {
  /** States of the disk that were tried. */
  readonly crashPoints: number
  readonly complaints: readonly string[]
}

/** Removes what `record` left for `explore`. */
export const forget = ({ base, log }: Recorded): void => {
  for (const path of [base, log]) rmSync(path)
}

export const explore = (recorded: Recorded, options: ExploreOptions): Promise<Explored> =>
  withLog(recorded.log, async (log, entries) => {
    const { random, until = Infinity, lies = 0 } = options
    const ends = entries.filter(({ flush }) => flush).map(({ number }) => number)
    const durable = freshPath('durable')
    await run('cp', ['--sparse=always', recorded.base, durable])
    const complaints: string[] = []
    let crashPoints = 0
    let done = 0
    const step = Math.max(1, (ends.length - lies) / options.flushes)
    for (let at = lies + random.next() * step; at < ends.length; at += step) {
      const index = Math.floor(at)
      const believed = ends[index] ?? 0
      const real = ends[index - lies] ?? 0
      const next = lies > 0 ? believed : (ends[index + 1] ?? entries.length)
      await replayOnto(log, entries.slice(done, real), durable)
      done = real
      for (const share of [0, random.next(), lies > 0 ? 0.5 : 1]) {
        if (Date.now() >= until) break
        const image = freshPath('crash')
        await run('cp', ['--sparse=always', durable, image])
        await replayOnto(log, someOf(entries.slice(real, next), share, random), image)
        const found = await judge(recorded, image, believed)
        const where = `flush at entry ${String(believed)}, ${share.toFixed(2)} of the rest`
        complaints.push(...found.map((what) => `${where}: ${what}`))
        crashPoints += 1
        rmSync(image)
      }
    }
    rmSync(durable)
    return { crashPoints, complaints }
  })
