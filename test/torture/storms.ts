/**
 * Several volumes at once, loaded and some of them under a loop device, taken away in random ways and in random order:
 * unmounted lazily, aborted through fusectl, forced by a second signal, or stopped as it should be.
 *
 * Every daemon ends by itself with the status of its way, every writer is told, what was acknowledged is in the image,
 * and nothing of any of them is left: no mount, loop device, process, or folder in the run directory.
 */
import { readdirSync } from 'node:fs'
import type { TransportName } from '../../src/transport/transport.js'
import { detachLoop } from '../support/devices.js'
import { recordDevice } from '../support/journal.js'
import { diskGone } from '../support/kernel-log.js'
import { audit, readBooks, startLedger } from '../support/ledger.js'
import { abortConnections } from '../support/mounts.js'
import { run, until, type Running } from '../support/process.js'
import { serve, sparseImage, type Served } from '../support/ringvol.js'
import { runDirectory } from '../support/scratch.js'
import { randomFrom, type Random } from '../support/seed.js'
import { leftovers } from '../support/sweep.js'
import type { Scenario, TortureContext } from './scenario.js'

const blocks = 1024
const errorDeadline = 5000
const endDeadline = 15_000

interface Loaded {
  readonly image: string
  readonly served: Served
  /** A loop device that somebody else put over the FUSE file. */
  readonly device: string | undefined
  readonly writer: Running
}

const load = async (transport: TransportName, random: Random): Promise<Loaded> => {
  const image = sparseImage(blocks * 4096)
  const lanes = String(1 + random.below(2))
  const served = await serve(image, ['--transport', transport, '--lanes', lanes])
  let device: string | undefined
  if (random.below(2) === 0) {
    device = await run('losetup', ['--direct-io=on', '--find', '--show', served.volume])
    recordDevice(device)
  }
  const writer = startLedger({
    path: device ?? served.volume,
    synchronous: device !== undefined,
    blocks,
    inFlight: 4,
    seed: random.below(2 ** 31),
    firstSequence: 0,
  })
  const enough = 20 + random.below(200)
  await until(`${String(enough)} lines of the writer`, () => writer.lines.length >= enough, 30_000)
  return { image, served, device, writer }
}

const release = async ({ device }: Loaded): Promise<void> => {
  if (device !== undefined) await detachLoop(device)
}

/** The writer ends by itself, with an error that it was given in time. */
const told = async ({ writer }: Loaded): Promise<void> => {
  await writer.ended(errorDeadline)
  if (readBooks(writer.lines).failures.length === 0) throw new Error('the writer was told nothing')
}

const stopWriter = async ({ writer }: Loaded): Promise<void> => {
  writer.child.kill('SIGKILL')
  await writer.ended()
  const { failures } = readBooks(writer.lines)
  if (failures.length > 0) throw new Error(`the writer got ${String(failures[0]?.code)} although all was well`)
}

interface Ending {
  readonly name: string
  readonly counts: 'aborts' | 'unmounts'
  /** Of the daemon. */
  readonly status: number
  readonly run: (loaded: Loaded) => Promise<void>
}

const endings: readonly Ending[] = [
  {
    name: 'aborted through fusectl',
    counts: 'aborts',
    status: 0,
    run: async (loaded) => {
      abortConnections(loaded.served.status.mountpoint)
      await told(loaded)
      await release(loaded)
    },
  },
  {
    name: 'unmounted lazily under load',
    counts: 'unmounts',
    status: 0,
    run: async (loaded) => {
      await run('umount', ['-l', loaded.served.status.mountpoint])
      const seen = loaded.writer.lines.length
      await until('the writer goes on', () => loaded.writer.lines.length > seen + 20)
      await stopWriter(loaded)
      await release(loaded)
    },
  },
  {
    name: 'forced by a second signal',
    counts: 'unmounts',
    status: 143,
    run: async (loaded) => {
      const { daemon } = loaded.served
      daemon.child.kill('SIGTERM')
      await until('the daemon says that it is in use', () => daemon.stderr().includes('is still open'))
      daemon.child.kill('SIGTERM')
      await told(loaded)
      await release(loaded)
    },
  },
  {
    name: 'stopped in order',
    counts: 'unmounts',
    status: 0,
    run: async (loaded) => {
      await stopWriter(loaded)
      await release(loaded)
      await run('umount', [loaded.served.status.mountpoint])
    },
  },
]

const end = async (loaded: Loaded, ending: Ending): Promise<void> => {
  const { image, served, writer, device } = loaded
  const { transport } = served.status
  const where = `${transport}, ${device === undefined ? 'FUSE file' : 'loop device'}, ${ending.name}`
  try {
    await ending.run(loaded)
    const { code, stderr } = await served.daemon.ended(endDeadline)
    if (code !== ending.status) throw new Error(`the daemon ended with ${String(code)}: ${stderr}`)
    const wrong = audit(image, readBooks(writer.lines))
    if (wrong.length > 0) throw new Error(wrong.slice(0, 20).join('; '))
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

/** One storm over a volume per transport named; all of them end at about the same time. */
export const storm = async (
  transports: readonly TransportName[],
  random: Random,
  count: TortureContext['count'],
): Promise<void> => {
  const loaded: Loaded[] = []
  for (const transport of transports) loaded.push(await load(transport, random))
  const first = random.below(endings.length)
  await Promise.all(
    loaded.map(async (one, index) => {
      await new Promise((resolve) => setTimeout(resolve, random.below(200)))
      const ending = endings[(first + index) % endings.length] as Ending
      await end(one, ending)
      count(ending.counts)
    }),
  )
  await until('nothing is left', () => leftovers().length === 0, 5000).catch(() => undefined)
  const left = [...leftovers(), ...readdirSync(runDirectory).map((name) => `run directory: ${name}`)]
  if (left.length > 0) throw new Error(`left behind: ${left.join('; ')}`)
}

export const scenario: Scenario = {
  name: 'storms',
  mounts: true,
  expectedLog: diskGone,
  run: async ({ seed, transport, count }) => {
    await storm([transport, transport, transport, transport], randomFrom(seed), count)
  },
}
