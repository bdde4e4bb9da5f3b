/**
 * The limit: a loop device of the kernel over the file, nothing between. Every other system is compared with it.
 *
 * `attachLoop` serves the peers too, whose exported file needs a loop device just the same.
 */
import { realpathSync } from 'node:fs'
import { RingvolError } from '../../src/errors.js'
import { attempt, lastLine } from '../command.js'
import { type Group, type Journal } from '../journal.js'
import { undo } from '../undo.js'
import { loopDirectIo } from '../mounts.js'
import { type Medium, type System } from '../system.js'

export interface Loop {
  readonly device: string
  readonly directIo: boolean
  readonly notes: readonly string[]
}

/** Direct I/O if the file takes it, else buffered with a note: tmpfs takes it only since Linux 6.6. Throws ERR_LOOP. */
export const attachLoop = async (group: Group, file: string): Promise<Loop> => {
  // The file of a peer may lie on its FUSE mount; it has answered before this is called.
  const entry = group.record({ kind: 'loop', file: realpathSync(file) })
  const direct = await attempt(['losetup', '--find', '--show', '--direct-io=on', file])
  const notes: string[] = []
  let device = direct.stdout.trim()
  if (direct.status !== 0) {
    // Old losetup attaches, then fails to switch direct I/O on, and leaves the device behind.
    await undo(entry)
    const buffered = await attempt(['losetup', '--find', '--show', file])
    if (buffered.status !== 0) throw new RingvolError('ERR_LOOP', `losetup of ${file} failed: ${lastLine(buffered)}`)
    notes.push(`without direct I/O, so through one more page cache: ${lastLine(direct)}`)
    device = buffered.stdout.trim()
  }
  const directIo = loopDirectIo(device) === true
  if (!directIo && notes.length === 0) notes.push('losetup asked for direct I/O, the device does without it')
  return { device, directIo, notes }
}

export const plainLoop = (journal: Journal, name: string, medium: Medium, image: string, size: number): System => ({
  name,
  baseline: true,
  peer: false,
  backend: 'file',
  medium,
  store: image,
  holdsData: true,
  size,
  start: async () => {
    const group = journal.group()
    const { device, directIo, notes } = await attachLoop(group, image)
    return {
      device,
      directIo,
      notes,
      volume: image,
      pids: [],
      transport: null,
      reason: null,
      lanes: null,
      options: null,
      features: null,
      stop: () => group.release(),
    }
  },
})
