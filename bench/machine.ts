/**
 * What the figures were measured on. A figure without its machine is a rumour.
 */
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { attempt } from './command.js'
import { availableMemory } from './images.js'
import { readText } from './mounts.js'
import { type Machine } from './results.js'
import { uringSwitch } from './uring-switch.js'

/** First line of what a program prints; empty if it is not there. */
const firstLine = async (command: readonly string[], cwd?: string): Promise<string> => {
  const outcome = await attempt(command, cwd === undefined ? {} : { cwd }).catch(() => null)
  return outcome?.status === 0 ? (outcome.stdout.split('\n')[0]?.trim() ?? '') : ''
}

const distribution = (): string => /^PRETTY_NAME="?([^"\n]*)/m.exec(readText('/etc/os-release') ?? '')?.[1] ?? 'unknown'

/** The number means something only to one governor of idle CPUs. */
const haltPoll = (): number | null => {
  if (readText('/sys/devices/system/cpu/cpuidle/current_governor') !== 'haltpoll') return null
  return Number(readText('/sys/module/haltpoll/parameters/guest_halt_poll_ns') ?? 0)
}

/** `project` is the directory of the checkout. */
export const describeMachine = async (project: string): Promise<Machine> => {
  const { version } = JSON.parse(readFileSync(`${project}/package.json`, 'utf8')) as { version: string }
  const switched = readText(uringSwitch)
  return {
    kernel: release(),
    distribution: distribution(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpus: cpus().length,
    memory: totalmem(),
    memoryAvailable: availableMemory(),
    governor: readText('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'),
    haltPoll: haltPoll(),
    load: loadavg()[0] ?? 0,
    node: process.version,
    fio: await firstLine(['fio', '--version']),
    losetup: await firstLine(['losetup', '--version']),
    ringvol: version,
    commit: (await firstLine(['git', 'describe', '--always', '--dirty', '--abbrev=10'], project)) || null,
    enableUring: switched === null ? null : switched === 'Y',
  }
}
