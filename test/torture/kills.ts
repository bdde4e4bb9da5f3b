/**
 * kill -9 of the daemon under load, round after round over one image.
 *
 * What was acknowledged is in the image, whoever was writing gets an error instead of waiting for ever, nobody sleeps
 * uninterruptibly, and after `detach --all` the machine is clean. Each round's attach is also the re-attach after the
 * kill before it, and each audit looks at the writes of all rounds so far.
 */
import { readFileSync } from 'node:fs'
import type { TransportName } from '../../src/transport/transport.js'
import { diskGone } from '../support/kernel-log.js'
import { audit, readBooks, startLedger } from '../support/ledger.js'
import { until } from '../support/process.js'
import { attach, ringvolOk, sparseImage } from '../support/ringvol.js'
import { markedPids } from '../support/scratch.js'
import { randomFrom, type Random } from '../support/seed.js'
import { leftovers } from '../support/sweep.js'
import type { Scenario } from './scenario.js'

const blocks = 2048
/** Of the promise: how long after the kill a writer may wait for its error. */
export const errorDeadline = 5000

const state = (pid: number): string => {
  try {
    return /^State:\s*(\S)/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? '?'
  } catch {
    return 'gone'
  }
}

/** An image and the books of all that was written to it. */
export class KilledVolume {
  readonly #image = sparseImage(blocks * 4096)
  readonly #lines: string[] = []
  #rounds = 0
  /** Milliseconds from a kill to the error of a writer, the longest so far. */
  worst = 0

  /** Blocks with acknowledged writes. */
  get acked(): number {
    return readBooks(this.#lines).acked.size
  }

  /** Writes to the FUSE file or to the loop device, kills the daemon at any moment, and looks at what is left. */
  async round(transport: TransportName, random: Random): Promise<void> {
    const round = this.#rounds++
    const lanes = String(1 + random.below(2))
    const { device, status } = await attach(this.#image, ['--transport', transport, '--lanes', lanes])
    const onLoop = random.below(2) === 0
    const where = `round ${String(round)}, ${transport} on ${lanes}, ${onLoop ? 'loop device' : 'FUSE file'}`
    const writer = startLedger({
      path: onLoop ? device : status.volume,
      synchronous: onLoop,
      blocks,
      inFlight: 4,
      seed: random.below(2 ** 31),
      firstSequence: round * 1_000_000,
    })
    const enough = 20 + random.below(300)
    await until(`${where}: ${String(enough)} lines`, () => writer.lines.length >= enough, 30_000)
    const killed = Date.now()
    process.kill(status.pid, 'SIGKILL')

    await writer.ended(errorDeadline + 5000)
    this.#lines.push(...writer.lines)
    const failures = readBooks(writer.lines).failures.map(({ at }) => at - killed)
    const late = Math.max(0, ...failures)
    this.worst = Math.max(this.worst, late)
    const asleep = markedPids().filter((pid) => state(pid) === 'D')
    await ringvolOk(['detach', '--all'], { deadline: 60_000 })
    const wrong = [
      ...(failures.length === 0 ? ['the writer was told nothing'] : []),
      ...(late > errorDeadline ? [`the writer was told after ${String(late)} ms`] : []),
      ...asleep.map((pid) => `process ${String(pid)} sleeps uninterruptibly`),
      ...audit(this.#image, readBooks(this.#lines)),
      ...leftovers(),
    ]
    if (wrong.length > 0) throw new Error(`${where}: ${wrong.slice(0, 20).join('; ')}`)
  }
}

const roundsPerRun = 5

export const scenario: Scenario = {
  name: 'kills',
  mounts: true,
  expectedLog: diskGone,
  run: async ({ seed, transport, until, count }) => {
    const random = randomFrom(seed)
    const volume = new KilledVolume()
    for (let round = 0; round < roundsPerRun && Date.now() < until; round++) {
      await volume.round(transport, random)
      count('kills')
    }
  },
}
