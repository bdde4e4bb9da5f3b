/**
 * Result files: read with a message for what is no result file, written whole.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { RingvolError } from '../src/errors.js'
import { type Results } from './results.js'

const unreadable = (path: string, cause: unknown): RingvolError =>
  new RingvolError('ERR_SOURCE', `cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cause,
  })

/** Throws ERR_SOURCE. */
export const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

/** Throws ERR_SOURCE. */
export const readResults = (path: string): Results => {
  let results: Partial<Results>
  try {
    results = JSON.parse(readText(path)) as Partial<Results>
  } catch (cause) {
    throw cause instanceof RingvolError ? cause : unreadable(path, cause)
  }
  if (results.schema !== 1 || !Array.isArray(results.runs)) {
    throw new RingvolError('ERR_SOURCE', `${path} is not a result file of this benchmark`, {
      advice: 'give a file that ./bench.sh --json wrote',
    })
  }
  return results as Results
}

export const writeFile = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** `2025-03-01T10-20-30.json`: sorts by time and needs no quoting. */
export const resultName = (startedAt: string): string => `${startedAt.slice(0, 19).replaceAll(':', '-')}.json`
