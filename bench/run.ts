/**
 * One benchmark run from an empty machine back to an empty machine.
 */
import { join } from 'node:path'
import { RingvolError } from '../src/errors.js'
import { makeSystems, planSystems, probeSystems } from './choose.js'
import { type Context } from './context.js'
import { disturbed, doubts } from './doubts.js'
import { formatDuration } from './format.js'
import { Journal } from './journal.js'
import { describeMachine } from './machine.js'
import { type RunCommand } from './options.js'
import { createProgress, type Progress } from './progress.js'
import { type Results, type SystemRecord } from './results.js'
import { Rig } from './rig.js'
import { runAll } from './runner.js'
import { runSoak } from './soak.js'
import { makeStores } from './stores.js'
import { type System } from './system.js'
import { switchUringOn } from './uring-switch.js'

const GiB = 1024 ** 3

const requireUsable = (usable: readonly System[], records: ReadonlyMap<System, SystemRecord>): void => {
  if (usable.some((system) => !system.baseline)) return
  const reasons = [...records.values()].flatMap(({ unavailable }) => (unavailable === null ? [] : [unavailable]))
  throw new RingvolError(
    'ERR_TRANSPORT',
    `nothing to compare with the plain loop device: ${[...new Set(reasons)].join('; ')}`,
    { advice: 'ringvol doctor says what is missing' },
  )
}

interface Parts {
  readonly command: RunCommand
  readonly project: string
  readonly journal: Journal
  readonly progress: Progress
  readonly signal: AbortSignal
}

const measureAll = async ({ command, project, journal, progress, signal }: Parts): Promise<Results> => {
  const { settings } = command
  const startedAt = new Date().toISOString()
  const started = performance.now()
  const machine = await describeMachine(project)
  const warnings = doubts(machine, settings)
  const switched = settings.transports.includes('uring') ? switchUringOn(journal) : null
  if (switched !== null) {
    progress.note(switched)
    warnings.push(switched)
  }
  const planned = planSystems(settings)
  const stores = await makeStores(
    journal,
    settings,
    planned.map(({ medium }) => medium),
    progress,
  )
  const records = new Map<System, SystemRecord>()
  const rig = new Rig(journal, records, settings.size ?? (settings.quick ? GiB / 4 : GiB))
  const ringvol = [process.execPath, command.ringvol ?? join(project, 'dist/cli/main.js')]
  const systems = makeSystems(journal, planned, stores, ringvol, settings.attach)
  const usable = await probeSystems(systems, rig, records, progress)
  requireUsable(usable, records)
  signal.throwIfAborted()
  const context: Context = {
    settings,
    rig,
    progress,
    signal,
    directory: journal.directory,
    disqualified: new Set(),
    fio: {},
    runs: [],
    soaks: [],
    checks: [],
    warnings,
  }
  if (settings.soak === null) await runAll(context, usable)
  else await runSoak(context, usable, settings.soak)
  return {
    schema: 1,
    startedAt,
    seconds: Math.round((performance.now() - started) / 100) / 10,
    settings,
    machine,
    systems: [...records.values()],
    fio: context.fio,
    runs: context.runs,
    soaks: context.soaks,
    checks: context.checks,
    warnings: [...warnings, ...disturbed(context.runs, machine.cpus)],
  }
}

/** Throws ERR_PERMISSION, ERR_USAGE, what a system throws, and the signal's reason; nothing is left behind in any case. */
export const runBenchmark = async (command: RunCommand, project: string, signal: AbortSignal): Promise<Results> => {
  if (process.getuid?.() !== 0) {
    throw new RingvolError('ERR_PERMISSION', 'loop devices and mounts need root', { advice: 'run: sudo ./bench.sh' })
  }
  const progress = createProgress(process.stderr, formatDuration)
  for (const line of await Journal.sweep()) progress.note(line)
  const journal = Journal.create()
  try {
    return await measureAll({ command, project, journal, progress, signal })
  } finally {
    progress.status('taking everything down')
    const problems = await journal.undoAll()
    progress.end()
    for (const problem of problems) progress.note(`left behind: ${problem}`)
    if (problems.length > 0) process.exitCode = 1
  }
}
