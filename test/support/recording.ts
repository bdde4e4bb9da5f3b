/**
 * Recordings of a small volume, and what can be asked of their logs.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Backend } from '../../src/backend/backend.js'
import { checked, type CheckedBackend } from '../../src/backend/checked.js'
import { MemoryBackend } from '../../src/backend/memory.js'
import { type LogEntry, WriteLog } from '../../src/layer/record/reader.js'
import { replayLog } from '../../src/layer/record/replay.js'
import { composeLayers } from '../../src/layer/registry.js'
import { silentLogger } from '../../src/log.js'

export const size = 256 * 1024

export const directoryOf = (t: Test): string => {
  const directory = mkdtempSync('/var/tmp/ringvol-record-')
  t.teardown(() => {
    rmSync(directory, { recursive: true })
  })
  return directory
}

export interface Recording {
  readonly backend: CheckedBackend
  readonly log: string
}

export const recording = async (t: Test, inner: Backend, options = '', logger = silentLogger): Promise<Recording> => {
  const log = join(directoryOf(t), 'log')
  const backend = checked(composeLayers([`record:file=${log}${options}`], inner, { logger }))
  await backend.open()
  return { backend, log }
}

export const entriesOf = async (path: string): Promise<LogEntry[]> => {
  const log = await WriteLog.open(path)
  const entries: LogEntry[] = []
  try {
    for await (const entry of log.entries()) entries.push(entry)
  } finally {
    await log.close()
  }
  return entries
}

/** `write 512+1024` and so on. */
export const summary = async (path: string): Promise<string[]> =>
  (await entriesOf(path)).map(({ kind, offset, length, mark }) =>
    kind === 'mark' ? mark : length === 0 ? kind : `${kind} ${String(offset)}+${String(length)}`,
  )

export const contents = (backend: { read(target: Buffer, offset: number): unknown }): Buffer => {
  const bytes = Buffer.alloc(size)
  backend.read(bytes, 0)
  return bytes
}

/** The volume after entry `to`. */
export const replayed = async (path: string, to?: number): Promise<Buffer> => {
  const log = await WriteLog.open(path)
  const memory = new MemoryBackend(size)
  try {
    await replayLog(log, memory, { to })
  } finally {
    await log.close()
  }
  return contents(memory)
}
