/**
 * A writer that keeps books, and the audit of them after the daemon was killed under it.
 *
 * Each 4 KiB block it writes carries {block, sequence number, checksum}. The writer says over a pipe what it is about
 * to write and what was acknowledged; the pipe outlives whatever happens to the volume. Afterwards every block of the
 * image must hold the last acknowledged stamp or one issued later: an acknowledged write that is missing, an older
 * one that came back, and a torn or misplaced block all show.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { sourceOf, start, type Running } from './process.js'

export const blockSize = 4096

export interface LedgerOptions {
  readonly path: string
  readonly blocks: number
  /** Writes at once; no two to the same block. */
  readonly inFlight: number
  readonly seed: number
  /** Sequence numbers start behind this, so that several runs over one image can share their books. */
  readonly firstSequence: number
  /** O_DSYNC: needed on a block device, where else the page cache acknowledges. */
  readonly synchronous: boolean
}

/** Runs in the child. Ends when it is killed, or at the first failed write, which it reports with the time. */
const writer = async ({ path, blocks, inFlight, seed, firstSequence, synchronous }: LedgerOptions): Promise<void> => {
  const { constants, promises, writeSync } = await import('node:fs')
  const { crc32 } = await import('node:zlib')
  const file = await promises.open(path, constants.O_RDWR | (synchronous ? constants.O_DSYNC : 0))
  let sequence = firstSequence
  let state = seed
  let failed = false
  const busy = new Set<number>()
  const say = (line: string): void => {
    // A full pipe is EAGAIN, and the books must not lose a line.
    for (let rest = Buffer.from(`${line}\n`); rest.length > 0;) {
      try {
        rest = rest.subarray(writeSync(1, rest))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
      }
    }
  }
  const pick = (): number => {
    do state = (Math.imul(state, 1103515245) + 12345) >>> 0
    while (busy.has((state >>> 8) % blocks))
    return (state >>> 8) % blocks
  }
  const lane = async (): Promise<void> => {
    while (!failed) {
      const block = pick()
      const own = ++sequence
      busy.add(block)
      const buffer = Buffer.alloc(4096, own & 0xff)
      buffer.writeUInt32LE(block, 0)
      buffer.writeUInt32LE(own, 4)
      buffer.writeUInt32LE(crc32(buffer.subarray(0, 4092)), 4092)
      say(`issued ${String(block)} ${String(own)}`)
      try {
        const { bytesWritten } = await file.write(buffer, 0, 4096, block * 4096)
        if (bytesWritten === 4096) say(`acked ${String(block)} ${String(own)}`)
      } catch (error) {
        failed = true
        say(`failed ${(error as NodeJS.ErrnoException).code ?? 'no code'} ${String(Date.now())}`)
      }
      busy.delete(block)
    }
  }
  say('ready')
  await Promise.all(Array.from({ length: inFlight }, lane))
  process.exit(0)
}

export const startLedger = (options: LedgerOptions): Running =>
  start(process.execPath, ['--input-type=module', '-e', `await ${sourceOf(writer)}(${JSON.stringify(options)})`])

export interface Books {
  /** Per block: every sequence number issued, and the highest acknowledged. */
  readonly issued: ReadonlyMap<number, ReadonlySet<number>>
  readonly acked: ReadonlyMap<number, number>
  /** Error codes that writes ended with, and when the first did (milliseconds since 1970). */
  readonly failures: readonly { code: string; at: number }[]
}

export const readBooks = (lines: readonly string[]): Books => {
  const issued = new Map<number, Set<number>>()
  const acked = new Map<number, number>()
  const failures: { code: string; at: number }[] = []
  for (const line of lines) {
    const [what, first = '', second = ''] = line.split(' ')
    const [block, sequence] = [Number(first), Number(second)]
    if (what === 'issued') issued.set(block, (issued.get(block) ?? new Set()).add(sequence))
    else if (what === 'acked') acked.set(block, sequence)
    else if (what === 'failed') failures.push({ code: first, at: sequence })
  }
  return { issued, acked, failures }
}

/** What is wrong with the image; empty when every acknowledged write is there. */
export const audit = (image: string, { issued, acked }: Books): string[] => {
  const fd = openSync(image, 'r')
  const wrong: string[] = []
  for (const [block, sequences] of issued) {
    const buffer = Buffer.alloc(blockSize)
    readSync(fd, buffer, 0, blockSize, block * blockSize)
    const [at, sequence] = [buffer.readUInt32LE(0), buffer.readUInt32LE(4)]
    const last = acked.get(block) ?? 0
    const untouched = last === 0 && sequence === 0
    if (untouched) continue
    if (crc32(buffer.subarray(0, blockSize - 4)) !== buffer.readUInt32LE(blockSize - 4))
      wrong.push(`${String(block)} is torn`)
    else if (at !== block) wrong.push(`${String(block)} holds what belongs to ${String(at)}`)
    else if (sequence < last) wrong.push(`${String(block)} holds ${String(sequence)}, ${String(last)} was acknowledged`)
    else if (!sequences.has(sequence)) wrong.push(`${String(block)} holds ${String(sequence)}, which was never written`)
  }
  closeSync(fd)
  return wrong
}
