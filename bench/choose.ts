/**
 * From settings to the systems of a run: the matrix backend × transport × lanes, the peers, and the plain loop device
 * over each kind of file first. Then each is started once: what this machine lacks becomes a row that says so.
 */
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RingvolError } from '../src/errors.js'
import { type Journal } from './journal.js'
import { type BackendName, type PeerName, type Settings } from './options.js'
import { type Progress } from './progress.js'
import { type SystemRecord } from './results.js'
import { type Rig } from './rig.js'
import { type Stores } from './stores.js'
import { type Medium, type System } from './system.js'
import { plainLoop } from './systems/loop.js'
import { peerSystem } from './systems/peers.js'
import { ringvol } from './systems/ringvol.js'

interface Variant {
  readonly backend: BackendName
  readonly transport: string
  readonly lanes: string
}

/** A system before anything of it exists. */
export type Planned = { readonly name: string; readonly medium: Medium } & (
  | { readonly kind: 'loop' }
  | ({ readonly kind: 'ringvol' } & Variant)
  | { readonly kind: 'peer'; readonly peer: PeerName }
)

const inFile = (backend: BackendName): boolean => backend === 'file' || backend === 'ext4'

/** Kernel passthrough moves bytes between files, so it has nothing to do for a backend without one. */
export const planVariants = ({
  backends,
  transports,
  lanes,
}: Pick<Settings, 'backends' | 'transports' | 'lanes'>): Variant[] =>
  backends.flatMap((backend) =>
    transports
      .filter((transport) => inFile(backend) || transport !== 'passthrough')
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

const behind = (name: string, medium: Medium): string => (medium === 'ext4' ? `${name} ext4` : name)

/** A peer serves the same kinds of files as ringvol, and of memory what it has: nbdkit has a plugin for that. */
const planPeer = (peer: PeerName, backends: readonly BackendName[], files: readonly Medium[]): Planned[] => {
  const name = { qemu: 'qemu-storage-daemon', nbdkit: 'nbdkit + nbdfuse' }[peer]
  const memory = peer === 'nbdkit' && backends.includes('memory')
  const wanted = memory && !backends.some(inFile) ? [] : files
  return [
    ...wanted.map((medium): Planned => ({ kind: 'peer', peer, medium, name: behind(name, medium) })),
    ...(memory ? [{ kind: 'peer', peer, medium: 'memory', name: 'nbdkit memory + nbdfuse' } as const] : []),
  ]
}

export const planSystems = (settings: Settings): Planned[] => {
  const { backends, peers, image } = settings
  const plain: Medium = image === null ? 'tmpfs' : 'image'
  const media: Readonly<Record<BackendName, Medium>> = {
    file: plain,
    ext4: 'ext4',
    memory: 'memory',
    buffer: 'memory',
    null: 'nothing',
  }
  // What lies in no file is compared with the plain loop device over tmpfs.
  const files = [
    ...(backends.some((backend) => backend !== 'ext4') ? [plain] : []),
    ...(backends.includes('ext4') ? (['ext4'] as const) : []),
  ]
  return [
    ...files.map((medium): Planned => ({ kind: 'loop', medium, name: behind('plain loop', medium) })),
    ...planVariants(settings).map((variant): Planned => ({
      kind: 'ringvol',
      ...variant,
      medium: media[variant.backend],
      name: variantName(variant),
    })),
    ...peers.flatMap((peer) => planPeer(peer, backends, files)),
  ]
}

/** Compiled beside this file. */
const bufferModule = fileURLToPath(new URL('backends/buffer.js', import.meta.url))

const ringvolSystem = (
  journal: Journal,
  planned: Extract<Planned, { kind: 'ringvol' }>,
  stores: Stores,
  command: readonly string[],
  attach: readonly string[],
): System => {
  const { backend, transport, lanes, medium, name } = planned
  const { size } = stores
  const id = `${basename(journal.directory)}-${name.replaceAll(/\W+/g, '-')}`
  const source = {
    file: () => stores.image(medium, name),
    ext4: () => stores.image(medium, name),
    null: () => `null:${String(size)}`,
    memory: () => `memory:${String(size)}`,
    buffer: () => `module:${bufferModule}`,
  }[backend]()
  // A file system below has a page cache, which the plain loop device goes past: so must the one beside it.
  const options = [
    ...(backend === 'ext4' || (backend === 'file' && stores.own) ? ['--direct'] : []),
    ...(backend === 'buffer' ? ['--size', String(size)] : []),
    ...attach,
  ]
  const store = inFile(backend) ? source : id
  const holdsData = backend !== 'null'
  const place = { backend, medium, source, store, holdsData, size }
  return ringvol(journal, { command, ...place, transport, lanes, options, volumeName: id, name })
}

export const makeSystems = (
  journal: Journal,
  planned: readonly Planned[],
  stores: Stores,
  command: readonly string[],
  attach: readonly string[],
): System[] =>
  planned.map((each) => {
    const { name, medium } = each
    if (each.kind === 'ringvol') return ringvolSystem(journal, each, stores, command, attach)
    const image = medium === 'memory' ? null : stores.image(medium, name)
    if (each.kind === 'peer') return peerSystem(journal, { peer: each.peer, name, medium, image, size: stores.size })
    return plainLoop(journal, name, medium, image ?? '', stores.size)
  })

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
    const { name, baseline, peer, backend, medium } = system
    const common = { name, baseline, peer, backend, medium, peakMemory: null }
    try {
      const { transport, reason, lanes, options, features, directIo, notes } = await rig.open(system)
      const ran = { transport, reason, lanes, options, features, directIo, notes }
      records.set(system, { ...common, ...ran, unavailable: null })
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
