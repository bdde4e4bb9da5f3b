/**
 * Result files: read with a message for what is no result file, written whole.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { RingvolError } from '../src/errors.js'
import { type Results } from './results.js'

/** Throws ERR_SOURCE. */
export const readResults = (path: string): Results => {
  let results: Partial<Results>
  try {
    results = JSON.parse(readFileSync(path, 'utf8')) as Partial<Results>
  } catch (cause) {
    throw new RingvolError(
      'ERR_SOURCE',
      `cannot read results from ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
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
