/**
 * Whether the addon is there to be tested, and what a child program needs to load it without TypeScript.
 */
import { fileURLToPath } from 'node:url'
import { addon } from '../../src/native/addon.js'
import { attempt, type Result } from '../support/process.js'
import { sweep } from '../support/sweep.js'

// Children run in a scratch directory, which is made when process.js is imported and is to go with this process.
process.once('exit', () => {
  sweep()
})

/** The reason to skip, or false. */
export const unbuilt = ((): string | false => {
  try {
    addon()
    return false
  } catch {
    return 'the addon is not built'
  }
})()

/** The file of all programs. */
export const child = fileURLToPath(new URL('child.js', import.meta.url))

/** Runs one of the programs of child.js, with `gc()`. */
export const program = (name: string, ...args: string[]): Promise<Result> =>
  attempt(process.execPath, ['--expose-gc', child, name, ...args], { deadline: 30_000 })
