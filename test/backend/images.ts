/**
 * Images for the tests of the file backend, each in a folder of its own, and the backend over one, behind its checks.
 *
 * All of it goes when the test ends. Imports only tap's types, so that the runner does not take it for a test.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { checked, type CheckedBackend } from '../../src/backend/checked.js'
import { FileBackend, type FileOptions } from '../../src/backend/file.js'
import { createLogger, type Logger } from '../../src/log.js'

export const mebibyte = 1024 * 1024

export const directoryOf = (t: Test, parent = '/var/tmp'): string => {
  const directory = mkdtempSync(join(parent, 'ringvol-file-'))
  t.teardown(() => {
    rmSync(directory, { recursive: true })
  })
  return directory
}

export const imageOf = (t: Test, content: Buffer | string = Buffer.alloc(mebibyte, 'image')): string => {
  const path = join(directoryOf(t), 'image')
  writeFileSync(path, content)
  return path
}

export const openFile = async (t: Test, path: string, options: FileOptions = {}): Promise<CheckedBackend> => {
  const backend = checked(new FileBackend(path, options))
  t.teardown(() => backend.close())
  await backend.open()
  return backend
}

/** Descriptors of this process that lead below `directory`. */
export const descriptorsIn = (directory: string): string[] =>
  readdirSync('/proc/self/fd').filter((fd) => {
    const link = spawnSync('readlink', [`/proc/${String(process.pid)}/fd/${fd}`], { encoding: 'utf8' }).stdout
    return link.startsWith(directory)
  })

/** A logger, and the lines it was given from `info` on. */
export const logged = (): { lines: string[]; logger: Logger } => {
  const lines: string[] = []
  const logger = createLogger({ level: 'silent' })
  const write = (line: unknown): void => {
    lines.push(String(line))
  }
  return {
    lines,
    logger: Object.assign(Object.create(logger) as Logger, { info: write, warn: write, error: write }),
  }
}
