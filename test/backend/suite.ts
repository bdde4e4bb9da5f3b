/**
 * The contract of src/backend/backend.ts as tests: for every backend of ringvol, and for yours.
 *
 * ```ts
 * import t from 'tap'
 * import { backendSuite } from 'ringvol/test/backend'
 * backendSuite(t, 'my backend', ({ size }) => new MyBackend(size))
 * ```
 *
 * Each test gets a backend of its own, wrapped in the same checks that stand before it in a volume. What it cannot do
 * by its own capabilities is skipped with that reason; nothing else is.
 */
import type { Test } from 'tap'
import { type Backend } from '../../src/backend/backend.js'
import { checked, type CheckedBackend } from '../../src/backend/checked.js'
import { concurrency, model, transfers } from './suite-data.js'
import { type Frame, randomOf } from './suite-frame.js'
import { lifecycle, refusals } from './suite-lifecycle.js'
import { extents, zeroing } from './suite-space.js'

export interface SuiteContext {
  /** Bytes the backend should have; one with a size of its own may ignore it if it has at least 256 KiB. */
  readonly size: number
  /** For `t.teardown(...)` of what the factory makes. Closing the backend is the suite's business. */
  readonly t: Test
}

/** A new backend, not opened, over a source nobody else uses. */
export type SuiteFactory = (context: SuiteContext) => Backend | Promise<Backend>

export interface SuiteOptions {
  /** Bytes, default 1 MiB + 1.5 KiB: no multiple of anything a backend may work in but 512. */
  readonly size?: number
  /** Default true. false: it throws writes away and always reads zeros. */
  readonly stores?: boolean
  /** Default: a new one, or SEED of the environment; it is printed. */
  readonly seed?: number
}

/** Runs all of it as one subtest of `t` named `name`. */
export const backendSuite = (
  t: Test,
  name: string,
  factory: SuiteFactory,
  options: SuiteOptions = {},
): ReturnType<Test['test']> =>
  t.test(name, async (t) => {
    const { size = 1024 * 1024 + 1536, stores = true } = options
    const seed = options.seed ?? Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
    t.comment(`seed ${String(seed)}; replay with SEED=${String(seed)}`)
    const fresh = async (t: Test): Promise<CheckedBackend> => {
      const backend = checked(await factory({ size, t }))
      t.teardown(() => backend.close())
      return backend
    }
    const opened = async (t: Test): Promise<CheckedBackend> => {
      const backend = await fresh(t)
      await backend.open()
      return backend
    }
    const probe = await factory({ size, t })
    const measures = typeof probe.allocated === 'function'
    const { can } = await opened(t)
    const kept = (data: Buffer): Buffer => (stores ? data : Buffer.alloc(data.length))
    const frame: Frame = { t, can, measures, opened, fresh, kept, stores, random: randomOf(seed) }
    lifecycle(frame)
    refusals(frame)
    transfers(frame)
    concurrency(frame)
    zeroing(frame)
    extents(frame)
    model(frame)
  })
