/**
 * From settings to the systems of a run: the matrix backend × transport × lanes, the peers, and the plain loop device
 * first. Then each is started once: what this machine lacks becomes a row that says so.
 */
import { basename } from 'node:path'
import { RingvolError } from '../src/errors.js'
import { formatSize } from '../src/units.js'
import { availableMemory, makeImage, mountTmpfs, openOwnImage, volumeSize } from './images.js'
import { type Journal } from './journal.js'
import { type BackendName, type Settings } from './options.js'
import { type Progress } from './progress.js'
import { type SystemRecord } from './results.js'
import { type Rig } from './rig.js'
import { type System } from './system.js'
import { plainLoop } from './systems/loop.js'
import { peerSystem } from './systems/peers.js'
import { ringvol } from './systems/ringvol.js'

const GiB = 1024 ** 3

interface Variant {
  readonly backend: BackendName
  readonly transport: string
  readonly lanes: string
}

/** Kernel passthrough moves bytes between files, so it has nothing to do for a backend without one. */
export const planVariants = ({
  backends,
  transports,
  lanes,
}: Pick<Settings, 'backends' | 'transports' | 'lanes'>): Variant[] =>
  backends.flatMap((backend) =>
    transports
      .filter((transport) => backend === 'file' || transport !== 'passthrough')
      .flatMap((transport) => lanes.map((count) => ({ backend, transport, lanes: count }))),
  )

/** `ringvol uring`, `ringvol uring null, 2 lanes`: only what is not the default is said. */
export const variantName = ({ backend, transport, lanes }: Variant): string => {
  const more = [
    backend === 'file' ? '' : ` ${backend}`,
    lanes === 'auto' ? '' : ` ${lanes} lane${lanes === '1' ? '' : 's'}`,
  ]
  return `ringvol ${transport}${more.join('')}`
}

export interface Stores {
  /** Bytes of a volume. */
  readonly size: number
  /** An image for a system of that name: a new file, or always the caller's. */
  image(name: string): string
}

/** Images for all systems of `settings`, on tmpfs or the caller's own. */
export const makeStores = async (journal: Journal, settings: Settings, progress: Progress): Promise<Stores> => {
  if (settings.image !== null) {
    const { path, size } = await openOwnImage(settings.image)
    progress.note(`image: ${path}, ${formatSize(size)}; everything in it is overwritten`)
    return { size, image: () => path }
  }
  const variants = planVariants(settings)
  const files = 1 + settings.peers.length + variants.filter(({ backend }) => backend === 'file').length
  const inMemory = files + variants.filter(({ backend }) => backend === 'memory').length
  const size = volumeSize(settings.size, settings.quick ? GiB / 4 : GiB, inMemory, availableMemory())
  const directory = await mountTmpfs(journal, size, files)
  progress.note(`images: ${String(files)} files of ${formatSize(size)} on a tmpfs of their own`)
  return { size, image: (name) => makeImage(directory, name.replaceAll(/\W+/g, '-'), size) }
}

const ringvolSystem = (journal: Journal, variant: Variant, stores: Stores, command: readonly string[]): System => {
  const { backend, transport, lanes } = variant
  const name = variantName(variant)
  const size = stores.size
  const id = `${basename(journal.directory)}-${name.replaceAll(/\W+/g, '-')}`
  const sources = {
    file: () => stores.image(name),
    null: () => `null:${String(size)}`,
    memory: () => `memory:${String(size)}`,
  }
  const source = sources[backend]()
  const store = backend === 'file' ? source : id
  const holdsData = backend !== 'null'
  return ringvol(journal, { command, backend, source, store, holdsData, size, transport, lanes, volumeName: id, name })
}

export const makeSystems = (
  journal: Journal,
  settings: Settings,
  stores: Stores,
  command: readonly string[],
): System[] => [
  plainLoop(journal, stores.image('plain loop'), stores.size),
  ...planVariants(settings).map((variant) => ringvolSystem(journal, variant, stores, command)),
  ...settings.peers.map((peer) => peerSystem(journal, peer, stores.image(peer), stores.size)),
]

const lacksSomething = (error: unknown): error is RingvolError => error instanceof RingvolError && error.exitCode === 3

/** Starts every system once. Its record says what runs, or why it cannot run here. Any other failure is thrown. */
export const probeSystems = async (
  systems: readonly System[],
  rig: Rig,
  records: Map<System, SystemRecord>,
  progress: Progress,
): Promise<System[]> => {
  const usable: System[] = []
  for (const system of systems) {
    progress.status(`attaching ${system.name}`)
    const { name, baseline, peer, backend } = system
    const common = { name, baseline, peer, backend, peakMemory: null }
    try {
      const { transport, reason, lanes, directIo, notes } = await rig.open(system)
      records.set(system, { ...common, transport, reason, lanes, directIo, notes, unavailable: null })
      usable.push(system)
    } catch (error) {
      if (baseline || !lacksSomething(error)) throw error
      records.set(system, {
        ...common,
        transport: null,
        reason: null,
        lanes: null,
        directIo: null,
        notes: [],
        unavailable: error.message,
      })
    }
  }
  return usable
}
