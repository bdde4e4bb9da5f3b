/**
 * Switches of the whole machine, turned for the time of a test. Only for tests that need `switches` (requires.ts):
 * then nothing else mounts meanwhile.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { requires } from './requires.js'

/** With the switch at `value` for the time of `body`. */
export const switched = async (path: string, value: string, body: () => Promise<void>): Promise<void> => {
  const before = readFileSync(path, 'utf8')
  writeFileSync(path, value)
  try {
    await body()
  } finally {
    writeFileSync(path, before)
  }
}

/** Why this switch cannot be turned here, or false. */
export const lacksSwitch = (path: string): string | false =>
  requires('root', 'switches') || (existsSync(path) ? false : `this kernel has no ${path}`)
