/**
 * A hunt for one seed: draws operations, runs them, and when volume and model part, writes the log, makes it short, and
 * rejects with what is needed to see it again.
 *
 * A log is a line of JSON that says on what it ran, and the operations, one a line.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomFrom } from '../support/seed.js'
import {
  formatOperation,
  generate,
  modes,
  parseOperation,
  targetNames,
  type Ground,
  type Operation,
} from './operation.js'
import { runOperations, type Mismatch, type Target } from './runner.js'
import { shrink, simplify } from './shrink.js'

export interface Settings extends Ground {
  readonly transport: string
  readonly seed: number
}

export type OpenTarget = (settings: Settings) => Promise<Target>

export interface HuntOptions {
  readonly open: OpenTarget
  /** Milliseconds that making the log short may take; default two minutes. */
  readonly shrinkFor?: number
  /** Where logs go; default the system's directory for temporary files, which no sweep of tests takes down. */
  readonly logs?: string
}

export const formatLog = (settings: Settings, operations: readonly Operation[]): string =>
  [`# ${JSON.stringify(settings)}`, ...operations.map(formatOperation), ''].join('\n')

export const parseLog = (text: string): { settings: Settings; operations: Operation[] } => {
  const [first = '', ...lines] = text.split('\n')
  const settings = (first.startsWith('# ') ? JSON.parse(first.slice(2)) : {}) as Partial<Settings>
  const { target, mode, size, transport, seed } = settings
  const known = targetNames.some((name) => name === target) && modes.some((name) => name === mode)
  if (!known || !target || !mode || !size || !transport || seed === undefined)
    throw new Error('not a log of fsx: its first line must say target, mode, size, transport and seed')
  return {
    settings: { target, mode, size, transport, seed },
    operations: lines.filter((line) => line.trim() !== '' && !line.startsWith('#')).map(parseOperation),
  }
}

export const readLog = (path: string): ReturnType<typeof parseLog> => parseLog(readFileSync(path, 'utf8'))

export const runOnce = async (
  settings: Settings,
  operations: readonly Operation[],
  open: OpenTarget,
): Promise<Mismatch | undefined> => runOperations(await open(settings), settings, operations)

/** Half as long, first or last half; never longer, and aligned as it was. */
const simpler = (operation: Operation): Operation[] => {
  const { offset, length } = operation
  const half = length >= 1024 ? Math.floor(length / 1024) * 512 : length >> 1
  if (half === 0 || half === length) return []
  return [
    { ...operation, length: half },
    { ...operation, offset: offset + length - half, length: half },
  ]
}

const makeShort = async (
  settings: Settings,
  operations: readonly Operation[],
  { open, shrinkFor = 120_000 }: HuntOptions,
): Promise<readonly Operation[]> => {
  const limits = { tries: 500, until: Date.now() + shrinkFor }
  const fails = async (fewer: readonly Operation[]): Promise<boolean> =>
    (await runOnce(settings, fewer, open)) !== undefined
  // What a fault of timing shows once in ten runs cannot be made short; then the whole log is the best there is.
  if (!(await fails(operations))) return operations
  return simplify(await shrink(operations, fails, limits), simpler, fails, limits)
}

const write = (settings: Settings, name: string, operations: readonly Operation[], logs: string): string => {
  const path = join(logs, `ringvol-fsx-${String(settings.seed)}-${String(process.pid)}-${name}.log`)
  writeFileSync(path, formatLog(settings, operations))
  return path
}

const title = ({ target, mode, transport, seed }: Settings): string =>
  `fsx, ${target}, ${mode}, ${transport}, seed ${String(seed)}`

/** Runs given operations. Rejects at a mismatch, with its short form; or with what went wrong around them. */
export const check = async (
  settings: Settings,
  operations: readonly Operation[],
  options: HuntOptions,
): Promise<void> => {
  const logs = options.logs ?? tmpdir()
  const found = await runOnce(settings, operations, options.open).catch((cause: unknown) => {
    const log = write(settings, 'all', operations, logs)
    throw new Error(`${title(settings)}: ${String(cause)}\nreplay: npm run fsx -- --replay ${log}`, { cause })
  })
  if (found === undefined) return
  const log = write(settings, 'all', operations, logs)
  const short = await makeShort(settings, operations.slice(0, found.index + 1), options)
  const shortLog = write(settings, 'short', short, logs)
  const shown = short.slice(-20).map((operation) => `  ${formatOperation(operation)}`)
  throw new Error(
    [
      `${title(settings)}: operation ${String(found.index)} of ${String(operations.length)}, ${found.what}`,
      `all operations: ${log}`,
      `${String(short.length)} that are enough: npm run fsx -- --replay ${shortLog}`,
      ...(shown.length < short.length ? ['the last of them:'] : []),
      ...shown,
    ].join('\n'),
  )
}

export const hunt = (settings: Settings, count: number, options: HuntOptions): Promise<void> =>
  check(settings, generate(settings, randomFrom(settings.seed), count), options)
