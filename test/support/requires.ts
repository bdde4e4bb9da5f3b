/**
 * What a test needs of the machine, probed, never concluded from a version; the answer is a reason to skip.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { possibleCpus } from '../../src/transport/capabilities.js'

const commandExists = (name: string): boolean =>
  `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`.split(':').some((directory) => {
    try {
      accessSync(`${directory}/${name}`, constants.X_OK)
      return true
    } catch {
      return false
    }
  })

const filesystem = (name: string) => (): string | false => {
  const known = (): boolean => new RegExp(`\\b${name}$`, 'm').test(readFileSync('/proc/filesystems', 'utf8'))
  if (!known()) spawnSync('modprobe', ['-q', name], { timeout: 10_000 })
  return known() ? false : `this kernel has no ${name}`
}

const probes = {
  root: () => (process.geteuid?.() === 0 ? false : 'needs root'),
  fuse: () => (existsSync('/dev/fuse') ? false : 'there is no /dev/fuse'),
  loop: () => (existsSync('/dev/loop-control') ? false : 'there is no /dev/loop-control'),
  /** FUSE-over-io_uring, switched on. */
  uring: () => {
    const path = '/sys/module/fuse/parameters/enable_uring'
    if (!existsSync(path)) return 'this kernel has no FUSE-over-io_uring'
    return /^[Y1]/.test(readFileSync(path, 'utf8'))
      ? false
      : 'FUSE-over-io_uring is switched off (scripts/test.sh switches it on)'
  },
  /** The machine's switches may be turned: nothing else uses them. scripts/test.sh says so for its own time. */
  switches: () =>
    process.env['RINGVOL_TEST_SWITCHES'] === '1'
      ? false
      : 'turns a switch of the whole machine; run it through npm test',
  /** cgroup v1, which can be had at any time; in v2 the controller may belong to somebody else. */
  'memory groups': () =>
    existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes') ? false : 'there is no memory controller of cgroup v1',
  /** A thread can be pinned to each. */
  'every CPU': () => (availableParallelism() === possibleCpus() ? false : 'not all CPUs are ours to pin to'),
  xfs: filesystem('xfs'),
  btrfs: filesystem('btrfs'),
} satisfies Record<string, () => string | false>

export type Need = keyof typeof probes | `command:${string}`

/** The first reason why the test cannot run here, or false: `{ skip: requires('root', 'command:fio') }`. */
export const requires = (...needs: readonly Need[]): string | false => {
  for (const need of needs) {
    const reason = need.startsWith('command:')
      ? !commandExists(need.slice(8)) && `${need.slice(8)} is not installed`
      : probes[need as keyof typeof probes]()
    if (reason !== false) return reason
  }
  return false
}
