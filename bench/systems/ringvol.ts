/**
 * ringvol, as its users start it: through the command line, and believed only as far as `list --json` and /sys confirm.
 */
import { RingvolError } from '../../src/errors.js'
import { attempt, lastLine, must } from '../command.js'
import { type Journal } from '../journal.js'
import { loopDirectIo } from '../mounts.js'
import { type Features, type Medium, type Running, type System } from '../system.js'

/** What of `list --json` is used here. */
interface Listed {
  readonly name: string
  readonly volume: string
  readonly pid: number
  readonly transport: string
  readonly reason: string
  readonly lanes: number
}

export interface RingvolSettings {
  /** What starts its command line. */
  readonly command: readonly string[]
  readonly backend: string
  readonly medium: Medium
  /** As `attach` takes it: a path or `scheme:…`. */
  readonly source: string
  readonly store: string
  readonly holdsData: boolean
  readonly size: number
  readonly transport: string
  readonly lanes: string
  /** More words for `attach`. */
  readonly options: readonly string[]
  /** In `list`; unique on the machine. */
  readonly volumeName: string
  /** In reports. */
  readonly name: string
}

const find = async (command: readonly string[], name: string): Promise<Listed> => {
  const { volumes } = JSON.parse(await must([...command, 'list', '--json'])) as { volumes: readonly Listed[] }
  const listed = volumes.find((volume) => volume.name === name)
  if (!listed)
    throw new RingvolError('ERR_NOT_RUNNING', `ringvol list --json does not name ${name}, which was attached just now`)
  return listed
}

/** What of the ring and the kernel is in use; null from a ringvol that does not say. */
const findFeatures = async (command: readonly string[], name: string): Promise<Features | null> => {
  const outcome = await attempt([...command, 'info', name, '--json'])
  if (outcome.status !== 0) return null
  return (JSON.parse(outcome.stdout) as { features?: Features }).features ?? null
}

/** The words that shape what is measured. */
const attachOptions = ({ transport, lanes, options }: RingvolSettings): string[] => [
  '--transport',
  transport,
  ...(lanes === 'auto' ? [] : ['--lanes', lanes]),
  ...options,
]

const attach = async (settings: RingvolSettings): Promise<string> => {
  const { command, source, volumeName, name } = settings
  const fixed = ['--name', volumeName, '--log-format', 'text']
  const outcome = await attempt([...command, 'attach', source, ...attachOptions(settings), ...fixed])
  if (outcome.status !== 0) {
    // Status 3 is the command line's word for: this machine lacks it. That is a row of the report, not a failure.
    const reason = lastLine(outcome).replace(/^ringvol: (error: )?/, '')
    if (outcome.status === 3) throw new RingvolError('ERR_TRANSPORT', reason)
    throw new RingvolError('ERR_DAEMON', `${name}: ${reason}`)
  }
  const device = outcome.stdout.trim()
  if (!/^\/dev\/loop\d+$/.test(device))
    throw new RingvolError('ERR_LOOP', `${name}: attach printed '${device}', not one loop device`)
  return device
}

export const ringvol = (journal: Journal, settings: RingvolSettings): System => {
  const { name, backend, medium, store, holdsData, size, command, volumeName, transport } = settings
  const start = async (): Promise<Running> => {
    const entry = journal.record({ kind: 'volume', name: volumeName, command })
    const stop = (): Promise<void> => journal.undo(entry)
    try {
      const device = await attach(settings)
      const listed = await find(command, volumeName)
      if (listed.transport !== transport) {
        throw new RingvolError('ERR_TRANSPORT', `runs over ${listed.transport} (${listed.reason})`)
      }
      const directIo = loopDirectIo(device)
      if (directIo !== true)
        throw new RingvolError('ERR_LOOP', `${name}: ${device} does without direct I/O, which attach promises`)
      const { volume, pid, reason, lanes } = listed
      const features = await findFeatures(command, volumeName)
      const options = attachOptions(settings).join(' ')
      return { device, volume, pids: [pid], directIo, transport, reason, lanes, options, features, notes: [], stop }
    } catch (error) {
      // What cannot be taken away now stays in the journal and is named at the end; the cause is what matters here.
      await stop().catch(() => undefined)
      throw error
    }
  }
  return { name, baseline: false, peer: false, backend, medium, store, holdsData, size, start }
}
