/**
 * The run itself: for each target prepare every system, measure in interleaved rounds, verify.
 */
import { RingvolError } from '../src/errors.js'
import { type Clock, createClock } from './clock.js'
import { must } from './command.js'
import { type Context } from './context.js'
import { describeJob, figuresOf, fillJobs, runFio, timedJob } from './fio.js'
import { formatCount } from './format.js'
import { forgetPeak, readMeter, used } from './meter.js'
import { type Pattern, patterns } from './patterns.js'
import { planJobs, planRounds, type Step, type TargetName } from './plan.js'
import { type System } from './system.js'
import { verifySystem } from './verify.js'

const seconds = (): number => performance.now() / 1000

/** A file system on a backend that holds no data would not even mount. */
const measurable = (systems: readonly System[], target: TargetName): System[] =>
  systems.filter((system) => target !== 'file' || system.holdsData)

/** Known data everywhere, so that no read is of a hole and every read can be checked. */
export const prepare = async (context: Context, system: System, target: TargetName): Promise<void> => {
  if (!system.holdsData) return
  if (target === 'file') await context.rig.makeFile(system)
  const place = await context.rig.place(system, target)
  await runFio(fillJobs(place), { cwd: context.directory, signal: context.signal, seconds: 600 })
}

const measure = async (
  context: Context,
  target: TargetName,
  { round, job, system }: Step<System>,
  length: number,
): Promise<number> => {
  const { pids } = await context.rig.open(system)
  const place = await context.rig.place(system, target)
  const jobs = timedJob(place, job, length, system.holdsData)
  context.fio[job.pattern.name] = describeJob(jobs)
  context.rig.peak(system)
  forgetPeak(pids)
  const before = readMeter(pids)
  const options = { cwd: context.directory, signal: context.signal, seconds: length + 60 }
  const report = await runFio(jobs, options)
  const costs = used(before, readMeter(pids))
  const figures = figuresOf(report, 'timed')
  context.runs.push({
    ...figures,
    ...costs,
    target,
    round,
    pattern: job.pattern.name,
    depth: job.depth,
    system: system.name,
    peakMemory: context.rig.peak(system),
    checkedReads: system.holdsData ? figuresOf(report, 'checker').operations : 0,
  })
  if (job.pattern.area === 'write' && (system.medium === 'ext4' || system.medium === 'image')) {
    // What lies in a page cache now would be written back while the next system is timed.
    await must(['sync', system.store], { deadline: 300 })
  }
  return figures.iops
}

/**
 * Wrong data ends a system's part in the run, but not the run: the others are still measured and everything that is
 * wrong gets named. A peer may fail in any other way too. False: it has.
 */
const guarded = async (
  context: Context,
  system: System,
  target: TargetName,
  check: string,
  doing: () => Promise<void>,
): Promise<boolean> => {
  try {
    await doing()
    return true
  } catch (error) {
    context.signal.throwIfAborted()
    if (!(error instanceof RingvolError) || !(system.peer || error.code === 'ERR_BACKEND')) throw error
    context.disqualified.add(system)
    context.checks.push({ system: system.name, target, check, ok: false, detail: error.message })
    context.progress.note(`${system.name} is left out from here: ${error.message}`)
    return false
  }
}

const measureTarget = async (
  context: Context,
  target: TargetName,
  steps: readonly Step<System>[],
  clock: Clock,
): Promise<void> => {
  let before = ''
  for (const [index, step] of steps.entries()) {
    const { pattern, depth } = step.job
    const what = `${target} ${pattern.name} qd${String(depth)} · ${step.system.name}`
    const round = `round ${String(step.round)}/${String(context.settings.rounds)}`
    context.progress.status(
      `[${String(index + 1)}/${String(steps.length)}] ${round} · ${what}${before}`,
      clock.secondsLeft(),
    )
    const started = seconds()
    const length = clock.runSeconds()
    if (!context.disqualified.has(step.system)) {
      await guarded(context, step.system, target, 'reads while timed', async () => {
        before = ` · last ${formatCount(await measure(context, target, step, length))} IOPS`
      })
    }
    clock.ran(seconds() - started)
  }
}

/** `doing` for each system of a target, timed for the clock. */
const tend = async (
  context: Context,
  verb: string,
  target: TargetName,
  systems: readonly System[],
  clock: Clock,
  doing: (system: System) => Promise<void>,
): Promise<void> => {
  for (const system of systems) {
    context.progress.status(`${verb} ${target} · ${system.name}`, clock.secondsLeft())
    const started = seconds()
    if (!context.disqualified.has(system)) await guarded(context, system, target, verb, () => doing(system))
    clock.tended(seconds() - started)
  }
}

/** Systems of one store are filled once: the later would only overwrite what the earlier has written. */
const oncePerStore = (systems: readonly System[]): System[] =>
  systems.filter((system, index) => systems.findIndex(({ store }) => store === system.store) === index)

/** Fills `context.runs` and `context.checks`. Closes every system. Throws at the first failure that is not wrong data. */
export const runAll = async (context: Context, systems: readonly System[]): Promise<void> => {
  const { settings, rig } = context
  const chosen: Pattern[] = patterns.filter(({ name }) => settings.patterns.includes(name))
  const jobs = planJobs(chosen, settings.depths)
  const perTarget = settings.targets.map((target) => {
    const measured = measurable(systems, target)
    return { target, measured, steps: planRounds(settings.rounds, jobs, measured) }
  })
  const runs = perTarget.reduce((sum, { steps }) => sum + steps.length, 0)
  const tendings = perTarget.reduce((sum, { measured }) => sum + oncePerStore(measured).length + measured.length, 0)
  const clock = createClock({ runs, tendings, seconds: settings.seconds }, seconds)

  for (const { target, measured, steps } of perTarget) {
    await tend(context, 'preparing', target, oncePerStore(measured), clock, (system) =>
      prepare(context, system, target),
    )
    await measureTarget(context, target, steps, clock)
    const first = oncePerStore(measured)
    await tend(context, 'verifying', target, measured, clock, (system) =>
      verifySystem(context, system, target, first.includes(system)),
    )
  }
  for (const system of systems) {
    context.progress.status(`detaching ${system.name}`)
    const image = await rig.checkImage(system)
    if (image) context.checks.push({ system: system.name, target: 'file', check: 'e2fsck of the image', ...image })
  }
}
