/**
 * The same load for minutes, to see what a few seconds cannot show: a daemon that grows. Once a second its resident
 * memory, descriptors and threads are read; soak-summary.ts judges them. At 200k IOPS a leak of one byte per request
 * is 11 MiB a minute.
 */
import { type Context } from './context.js'
import { figuresOf, runFio, timedJob } from './fio.js'
import { readUsage, type Usage } from './meter.js'
import { patterns } from './patterns.js'
import { type SoakRecord } from './results.js'
import { prepare } from './runner.js'
import { type System } from './system.js'
import { verifySystem } from './verify.js'

/** Reads and writes, 4 KiB, anywhere, at the deepest depth asked for. */
const patternName = 'mixed-4k'
const sampleMs = 1000
const statusMs = 15_000

/** Reads the daemons' usage until `ended` settles. */
const sampleUntil = async (pids: readonly number[], ended: Promise<unknown>, tick: () => void): Promise<Usage[]> => {
  const samples: Usage[] = []
  const started = performance.now()
  const sample = (): void => {
    samples.push(readUsage(pids, (performance.now() - started) / 1000))
    tick()
  }
  sample()
  const timer = setInterval(sample, sampleMs)
  try {
    await ended
  } finally {
    clearInterval(timer)
  }
  return samples
}

const soak = async (context: Context, system: System, minutes: number, before: number): Promise<SoakRecord> => {
  const { rig, settings, progress, signal } = context
  const pattern = patterns.find(({ name }) => name === patternName)
  if (!pattern) throw new Error(`no pattern ${patternName}`)
  const depth = Math.max(...settings.depths)
  const { pids } = await rig.open(system)
  const seconds = minutes * 60
  const jobs = timedJob(await rig.place(system, 'raw'), { pattern, depth }, seconds, system.holdsData)
  const running = runFio(jobs, { cwd: context.directory, signal, seconds: seconds + 60 })
  const started = performance.now()
  let shown = -Infinity
  const samples = await sampleUntil(pids, running, () => {
    const now = performance.now()
    if (now - shown < statusMs) return
    shown = now
    progress.status(`soaking ${system.name} at depth ${String(depth)}`, before + seconds - (now - started) / 1000)
  })
  rig.peak(system)
  const report = await running
  const { iops, operations } = figuresOf(report, 'timed')
  const checkedReads = system.holdsData ? figuresOf(report, 'checker').operations : 0
  return { system: system.name, minutes, depth, iops, operations, checkedReads, samples }
}

/** One system after the other, those that have a daemon. Closes every system. Throws what fio throws. */
export const runSoak = async (context: Context, systems: readonly System[], minutes: number): Promise<void> => {
  const { rig, progress } = context
  const served: System[] = []
  for (const system of systems) if ((await rig.open(system)).pids.length > 0) served.push(system)
  for (const [index, system] of served.entries()) {
    progress.status(`preparing raw · ${system.name}`)
    await prepare(context, system, 'raw')
    context.soaks.push(await soak(context, system, minutes, (served.length - index - 1) * minutes * 60))
    progress.status(`verifying raw · ${system.name}`)
    await verifySystem(context, system, 'raw', true)
  }
  for (const system of systems) await rig.close(system)
}
