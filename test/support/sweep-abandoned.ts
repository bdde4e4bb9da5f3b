/**
 * The program that runs before and after the root tests: takes down what test processes left that were killed before
 * their own teardown could. Only directories whose process is gone; another run on the same machine is left alone.
 */
import { abandoned, sweep } from './sweep.js'

for (const directory of abandoned()) {
  const { found, stuck } = sweep(directory)
  if (found.length > 0) console.error(`swept ${directory}: ${found.join(', ')}`)
  if (stuck.length > 0) console.error(`could not take down: ${stuck.join(', ')}`)
}
// Importing the harness made a scratch directory for this process too.
sweep()
