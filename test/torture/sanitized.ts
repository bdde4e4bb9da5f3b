/**
 * fsx on the FUSE file of a daemon whose addon is built with AddressSanitizer and UndefinedBehaviorSanitizer.
 *
 * An error ends that daemon, fsx then fails with EIO, and its reason is in a report that only the daemon could write:
 * it is looked for after every call, and is what this scenario throws. Leaks are left to `npm run test:asan`, which can
 * tell Node's from ours.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hunt } from '../fsx/hunt.js'
import { openTarget } from '../fsx/targets.js'
import { run } from '../support/process.js'
import { freshDirectory } from '../support/scratch.js'
import { randomFrom } from '../support/seed.js'
import { randomShape } from './fsx.js'
import type { Scenario } from './scenario.js'

const sanitize = fileURLToPath(new URL('../../scripts/sanitize.sh', import.meta.url))
/** A daemon is several times slower with them; about five seconds of work. */
const operations = 500

const reportIn = (directory: string): string | undefined =>
  readdirSync(directory)
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .find((text) => /ERROR: AddressSanitizer|runtime error:/.test(text))

export const scenario: Scenario = {
  name: 'sanitized',
  mounts: true,
  run: async ({ seed, transport, count }) => {
    const { mode, size } = randomShape(randomFrom(seed))
    const reports = freshDirectory('reports')
    // Builds the addon; what has not changed is not built again.
    process.env['RINGVOL_TEST_DAEMON_ENVIRONMENT'] = await run(sanitize, ['environment', reports], {
      deadline: 300_000,
    })
    try {
      await hunt({ target: 'volume', mode, transport, size, seed }, operations, { open: openTarget })
    } catch (error) {
      throw new Error(reportIn(reports) ?? String(error), { cause: error })
    } finally {
      delete process.env['RINGVOL_TEST_DAEMON_ENVIRONMENT']
    }
    const report = reportIn(reports)
    if (report !== undefined) throw new Error(report)
    // Node always has leaks to tell of, so a daemon that writes nothing ran without.
    if (readdirSync(reports).length === 0) throw new Error('no daemon wrote a report, so none ran with sanitizers')
    count('fsx operations under sanitizers', operations)
  },
}
