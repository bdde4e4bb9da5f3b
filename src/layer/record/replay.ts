/**
 * Brings a backend to the state that a recorded one had at a point of its log.
 */
import { constants } from 'node:os'
import { type Backend } from '../../backend/backend.js'
import { RingvolError } from '../../errors.js'
import { type LogEntry, type WriteLog } from './reader.js'

/** Bytes held at a time. */
const piece = 1024 * 1024
const zeros = Buffer.alloc(piece)

export interface ReplayOptions {
  /** The backend is in the state after this entry. Default 0: in the one that the recording began with. */
  readonly from?: number | undefined
  /** The last entry to replay. Default: all. */
  readonly to?: number | undefined
  /** Replay up to the first mark of this text instead. */
  readonly toMark?: string | undefined
}

/**
 * The entries that `options` select. Reads the log up to there, so that what is wrong with it is known before anything
 * is changed. Throws ERR_LOG, also if there is no such entry or mark.
 */
export const selectEntries = async (log: WriteLog, options: ReplayOptions = {}): Promise<LogEntry[]> => {
  const { from = 0, to, toMark } = options
  const missing = (what: string): RingvolError =>
    new RingvolError('ERR_LOG', `${log.path} has no ${what}`, { advice: `ringvol replay --list ${log.path} shows all` })
  for (const number of [from, to ?? 0]) {
    if (number > log.count) throw missing(`entry ${String(number)}, only ${String(log.count)}`)
  }
  const entries: LogEntry[] = []
  if (to !== 0) {
    for await (const entry of log.entries()) {
      if (entry.number > from) entries.push(entry)
      if (entry.number === to) return entries
      if (toMark !== undefined && entry.kind === 'mark' && entry.mark === toMark) return entries
    }
  }
  if (toMark !== undefined) throw missing(`mark '${toMark}'`)
  return entries
}

/** Does to the opened `backend` what the entry records. Throws ERR_LOG, and what the backend throws. */
export const replayEntry = async (log: WriteLog, entry: LogEntry, backend: Backend): Promise<void> => {
  const { kind, offset, length, number } = entry
  if (length === 0 || kind === 'mark') return
  if (offset + length > backend.size) {
    throw new RingvolError(
      'ERR_LOG',
      `${log.path}: entry ${String(number)} goes to byte ${String(offset + length)}, ` +
        `${backend.name} has ${String(backend.size)}`,
      { errno: constants.errno.EINVAL, advice: 'the image must be as large as the volume that was recorded' },
    )
  }
  if (kind === 'discard' && backend.can.trim) {
    await backend.trim?.(offset, length)
    return
  }
  for (let done = 0; done < length; done += piece) {
    const bytes = Buffer.alloc(Math.min(piece, length - done))
    if (kind === 'write') await log.read(entry, bytes, done)
    // Zeros take no space where they need not: neither in the log nor in the image.
    const empty = bytes.equals(zeros.subarray(0, bytes.length))
    if (empty && backend.can.trim) await backend.trim?.(offset + done, bytes.length)
    else await backend.write(bytes, offset + done)
  }
}

/** Throws ERR_LOG, and what the backend throws. */
export const replayLog = async (log: WriteLog, backend: Backend, options: ReplayOptions = {}): Promise<void> => {
  for (const entry of await selectEntries(log, options)) await replayEntry(log, entry, backend)
  if (backend.can.flush) await backend.flush?.()
}
