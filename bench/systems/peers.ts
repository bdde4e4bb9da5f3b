/**
 * Other programs that export an image through FUSE, each with its usual settings, under the same loop device.
 *
 * The end of a peer is its process: qemu-storage-daemon keeps spinning when it is unmounted from outside, so the
 * process is journalled after the mount and therefore ended before it.
 */
import { closeSync, mkdirSync, mkdtempSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { RingvolError } from '../../src/errors.js'
import { attempt, must, until } from '../command.js'
import { type Group, type Journal } from '../journal.js'
import { listMounts, readText } from '../mounts.js'
import { type PeerName } from '../options.js'
import { type Medium, type Running, type System } from '../system.js'
import { attachLoop } from './loop.js'

interface Peer {
  readonly programs: readonly string[]
  /** Debian's name of what holds them. */
  readonly packages: string
  /** Serves `image`, or as many bytes of memory, as the file `exported`. Returns the pid files of its daemons once the file is there. */
  serve(
    group: Group,
    directory: string,
    image: string | number,
  ): Promise<{ exported: string; pidFiles: readonly string[] }>
}

/** Programs that do not put themselves into the background; what they say goes to a file beside their pid file. */
const inBackground = (log: string, command: readonly string[]): string[] => [
  'setsid',
  '--fork',
  'sh',
  '-c',
  'log=$1; shift; exec "$@" >"$log" 2>&1',
  'sh',
  log,
  ...command,
]

const appears = (pidFile: string): Promise<true> =>
  until(`the start of the daemon of ${pidFile}`, 15, () => (Number(readText(pidFile) ?? '') > 0 ? true : undefined))

const qemu: Peer = {
  programs: ['qemu-storage-daemon'],
  packages: 'qemu-system-common',
  serve: async (group, directory, image) => {
    const exported = join(directory, 'disk')
    const pidFile = join(directory, 'qemu.pid')
    // It mounts over a file that exists.
    closeSync(openSync(exported, 'w'))
    group.record({ kind: 'mount', path: exported })
    group.record({ kind: 'process', pidFile, marker: directory })
    await must([
      'qemu-storage-daemon',
      '--daemonize',
      '--pidfile',
      pidFile,
      '--blockdev',
      `driver=file,node-name=disk,filename=${String(image)}`,
      '--export',
      `type=fuse,id=disk,node-name=disk,mountpoint=${exported},writable=on`,
    ])
    await appears(pidFile)
    return { exported, pidFiles: [pidFile] }
  },
}

const nbdkit: Peer = {
  programs: ['nbdkit', 'nbdfuse'],
  packages: 'nbdkit libnbd-bin',
  serve: async (group, directory, image) => {
    const mountpoint = join(directory, 'mount')
    const socket = join(directory, 'nbd.sock')
    const pidFiles = [join(directory, 'nbdkit.pid'), join(directory, 'nbdfuse.pid')] as const
    mkdirSync(mountpoint)
    group.record({ kind: 'process', pidFile: pidFiles[0], marker: directory })
    const plugin = typeof image === 'number' ? ['memory', String(image)] : ['file', image]
    await must(['nbdkit', '--unix', socket, '--pidfile', pidFiles[0], ...plugin])
    await appears(pidFiles[0])
    group.record({ kind: 'mount', path: mountpoint })
    group.record({ kind: 'process', pidFile: pidFiles[1], marker: directory })
    const command = ['nbdfuse', '--pidfile', pidFiles[1], join(mountpoint, 'disk'), '--unix', socket]
    await must(inBackground(join(directory, 'nbdfuse.log'), command))
    await appears(pidFiles[1])
    return { exported: join(mountpoint, 'disk'), pidFiles }
  },
}

const peers: Readonly<Record<PeerName, Peer>> = { qemu, nbdkit }

export interface PeerSettings {
  readonly peer: PeerName
  /** In reports. */
  readonly name: string
  readonly medium: Medium
  /** The image, or null: the peer's own memory. */
  readonly image: string | null
  readonly size: number
}

export const peerSystem = (journal: Journal, { peer: peerName, name, medium, image, size }: PeerSettings): System => {
  const peer = peers[peerName]
  const start = async (): Promise<Running> => {
    for (const program of peer.programs) {
      const { status } = await attempt(['sh', '-c', 'command -v "$1"', 'sh', program])
      if (status === 0) continue
      throw new RingvolError('ERR_MISSING_TOOL', `${program} is not installed`, {
        advice: `apt-get install ${peer.packages}`,
      })
    }
    const directory = mkdtempSync(join(journal.directory, `${peerName}-`))
    const group = journal.group()
    const { exported, pidFiles } = await peer.serve(group, directory, image ?? size)
    if (!listMounts().some(({ mountpoint }) => exported.startsWith(mountpoint) && mountpoint.startsWith(directory))) {
      throw new RingvolError('ERR_MOUNT', `${name} runs but has mounted nothing on ${directory}`)
    }
    const { device, directIo, notes } = await attachLoop(group, exported)
    return {
      device,
      directIo,
      notes,
      volume: exported,
      pids: pidFiles.map((file) => Number(readText(file))),
      transport: null,
      reason: null,
      lanes: null,
      options: null,
      features: null,
      stop: () => group.release(),
    }
  }
  const backend = image === null ? 'memory' : 'file'
  return { name, baseline: false, peer: true, backend, medium, store: image ?? name, holdsData: true, size, start }
}
