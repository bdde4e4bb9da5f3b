/**
 * What `npm run torture` runs: each kind of test that gets better with time is one scenario, called again and again
 * with other seeds.
 *
 * A scenario proves its promise by itself: it throws when data is lost, somebody hangs or something crashes, and what
 * it did to get there it counts, so that "no losses" can be read beside "how many faults".
 */
import type { TransportName } from '../../src/transport/transport.js'

/** Counted over a whole run, in the order of the report. */
export const tortureCounts = [
  'kills',
  'aborts',
  'unmounts',
  'I/O errors',
  'fsx operations, buffered',
  'fsx operations, direct',
  'fsx operations, mmap',
  'fsx operations under sanitizers',
  'engine rounds under sanitizers',
  'simulator seeds',
  'crash points',
  'shutdowns',
] as const
export type TortureCount = (typeof tortureCounts)[number]

export interface TortureContext {
  /** Everything random comes from here; a failure is repeated with it. */
  readonly seed: number
  /** The one to force; scenarios that mount nothing ignore it. */
  readonly transport: TransportName
  /** Milliseconds since 1970: begin nothing new after it. */
  readonly until: number
  count(what: TortureCount, many?: number): void
}

export interface Scenario {
  readonly name: string
  /** false: it runs without root and mounts nothing. */
  readonly mounts: boolean
  /** Default: all. */
  readonly transports?: readonly TransportName[]
  /** Kernel log lines that it provokes on purpose. */
  readonly expectedLog?: readonly RegExp[]
  /** Some seconds of work. Rejects with what is wrong. */
  run(context: TortureContext): Promise<void>
}
