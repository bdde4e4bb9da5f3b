/**
 * The frame around every file of root tests: skips with a reason, and ends with a test of its own that nothing was left
 * behind and that the kernel had nothing to complain about. Takes everything down afterwards, whatever happened.
 */
import type { Test } from 'tap'
import type { LaneTransport } from '../../src/native/addon.js'
import type { TransportName } from '../../src/transport/transport.js'
import { watchKernelLog } from './kernel-log.js'
import { until } from './process.js'
import { requires, type Need } from './requires.js'
import { leftovers, sweep } from './sweep.js'
import { carriers, lacksTransport, onAll, transports, usableTransports } from './transports.js'

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

const onEach = <Name extends TransportName>(
  t: Test,
  names: readonly Name[],
  name: string,
  body: (t: Test, transport: Name) => Promise<void>,
): void => {
  for (const transport of names) {
    t.test(`${transport}: ${name}`, { skip: lacksTransport(transport) }, (t) => body(t, transport))
  }
}

/** The same test once per transport; one that this machine lacks is skipped with the reason. */
export const onEachTransport = (
  t: Test,
  name: string,
  body: (t: Test, transport: TransportName) => Promise<void>,
): void => {
  onEach(t, transports, name, body)
}

/** The same, for tests in which every request must come to us: with a layer, with `memory:`, counted one by one. */
export const onEachCarrier = (
  t: Test,
  name: string,
  body: (t: Test, transport: LaneTransport) => Promise<void>,
): void => {
  onEach(t, carriers, name, body)
}

let turn = 0

/**
 * A slow test, on some of the transports: the next ones after those that the test before it in this file took.
 * With RINGVOL_TEST_TRANSPORTS it runs on all that are named there.
 */
export const onTransportsInTurn = (
  t: Test,
  many: number,
  name: string,
  body: (t: Test, transport: TransportName) => Promise<void>,
): void => {
  const usable = usableTransports()
  if (onAll || usable.length < many) {
    onEach(t, transports, name, body)
    return
  }
  const chosen = Array.from({ length: many }, () => usable[turn++ % usable.length] as TransportName)
  onEach(t, chosen, name, body)
}
