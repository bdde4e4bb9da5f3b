/**
 * What makes the figures of a run worth less: known before it, and seen while it was timed.
 */
import { type Settings } from './options.js'
import { type Machine, type RunRecord } from './results.js'

/** What makes figures worth less. */
export const doubts = (machine: Machine, settings: Settings): string[] => [
  ...(machine.load > machine.cpus * 0.25
    ? [`the machine was busy before the run began: load ${machine.load.toFixed(1)} on ${String(machine.cpus)} CPUs`]
    : []),
  ...(machine.governor !== null && machine.governor !== 'performance'
    ? [`the CPU governor is ${machine.governor}, so clocks follow the load`]
    : []),
  ...(machine.haltPoll === 0 && settings.depths.some((depth) => depth <= 32)
    ? ['idle CPUs halt at once (guest_halt_poll_ns is 0), which takes most of the time at small depths']
    : []),
  ...(settings.rounds < 3 ? ['fewer than three rounds: a figure may be off by a third'] : []),
]

/** Of the machine's CPU time, above which something else had a part in a figure. */
const tolerated = 0.05

/** Of the CPU time there was while a run was timed, what neither it nor the kernel used. */
export const disturbance = ({ stolenCpu = 0, foreignCpu = 0, wall = 0 }: RunRecord, cpus: number): number =>
  wall === 0 ? 0 : (stolenCpu + foreignCpu) / (wall * cpus)

export const disturbed = (runs: readonly RunRecord[], cpus: number): string[] => {
  const beyond = runs.map((run) => disturbance(run, cpus)).filter((share) => share > tolerated)
  if (beyond.length === 0) return []
  return [
    `other programs or the host took more than ${String(tolerated * 100)} % of the CPUs in ${String(beyond.length)} of ` +
      `${String(runs.length)} timed runs, ${(Math.max(...beyond) * 100).toFixed(0)} % in the worst`,
  ]
}
