/**
 * Builds a program of test/native/engine/; make leaves alone what did not change.
 */
import { fileURLToPath } from 'node:url'
import { run } from '../support/process.js'
import { sweep } from '../support/sweep.js'

// As in built.ts: the scratch directory goes with this process.
process.once('exit', () => {
  sweep()
})

const root = fileURLToPath(new URL('../..', import.meta.url))

/** As test/native/engine/Makefile has them. */
export type Variant = 'plain' | 'asan' | 'tsan' | 'fuzz'

/** The path of the program. */
export const buildEngine = async (variant: Variant, program: string): Promise<string> => {
  const path = `build/engine/${variant}/${program}`
  await run('make', ['-s', '-j2', '-C', root, '-f', 'test/native/engine/Makefile', `VARIANT=${variant}`, path], {
    deadline: 240_000,
  })
  return `${root}${path}`
}
