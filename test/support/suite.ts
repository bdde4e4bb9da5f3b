/**
 * The frame around every file of root tests: skips with a reason, and ends with a test of its own that nothing was left
 * behind and that the kernel had nothing to complain about. Takes everything down afterwards, whatever happened.
 */
import type { Test } from 'tap'
import type { LaneTransport } from '../../src/native/addon.js'
import { watchKernelLog } from './kernel-log.js'
import { until } from './process.js'
import { requires, type Need } from './requires.js'
import { lacksTransport, transports } from './ringvol.js'
import { leftovers, sweep } from './sweep.js'

export interface SuiteOptions {
  /** Besides root, /dev/fuse and loop devices. */
  readonly needs?: readonly Need[]
  /** Kernel log lines that these tests provoke on purpose. */
  readonly expectedLog?: readonly RegExp[]
}

export const suite = async (t: Test, options: SuiteOptions, body: () => void | Promise<void>): Promise<void> => {
  const reason = requires('root', 'fuse', 'loop', ...(options.needs ?? []))
  t.teardown(() => {
    sweep()
  })
  if (reason !== false) {
    t.test('all of this file', { skip: reason }, () => undefined)
    return
  }
  const complaints = await watchKernelLog()
  await body()
  t.test('nothing is left mounted, attached or running, and the kernel log is clean', async (t) => {
    // A process that was told to end may need a moment to be gone.
    await until('nothing is left', () => leftovers().length === 0, 5000).catch(() => undefined)
    t.strictSame(leftovers(), [])
    t.strictSame(await complaints(options.expectedLog), [])
  })
}

/** The same test once per transport; one that this machine lacks is skipped with the reason. */
export const onEachTransport = (
  t: Test,
  name: string,
  body: (t: Test, transport: LaneTransport) => Promise<void>,
): void => {
  for (const transport of transports) {
    t.test(`${transport}: ${name}`, { skip: lacksTransport(transport) }, (t) => body(t, transport))
  }
}
