/**
 * doctor's probes, one row each, from what ringvol cannot do without to what merely costs something.
 */
import { constants } from 'node:fs'
import { access, open, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoName, errnoOf } from '../errors.js'
import { addon } from '../native/addon.js'
import { formatAge, formatSize } from '../units.js'
import type { Probe, ProbeContext, ProbeResult } from './doctor.js'
import { isFuse, listMounts } from './mountinfo.js'
import { isAlive } from './process.js'
import { runProgram } from './program.js'
import { cleanUpDead } from './recover.js'
import { listStates, listVolumes } from './list.js'

const ok = (found: string): ProbeResult => ({ state: 'ok', found })
const missing = (found: string, cost: string, advice: string): ProbeResult => ({
  state: 'missing',
  found,
  cost,
  advice,
})
const degraded = (found: string, cost: string, advice: string): ProbeResult => ({
  state: 'degraded',
  found,
  cost,
  advice,
})

const reasonOf = (error: unknown): string => {
  const errno = errnoOf(error)
  return errno === undefined ? (error instanceof Error ? error.message : String(error)) : errnoName(errno)
}

/** Trimmed text of a small kernel file; undefined if there is none. */
const readValue = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  )

/** undefined if the device opens for reading and writing, else why not. */
const whyNotOpen = async (path: string): Promise<string | undefined> => {
  try {
    await (await open(path, constants.O_RDWR | constants.O_NONBLOCK)).close()
    return undefined
  } catch (error) {
    return reasonOf(error)
  }
}

/** Bit numbers of capabilities(7), as in <linux/capability.h>. */
const capability = { ipcLock: 14, sysAdmin: 21 } as const

const hasCapability = async (bit: number, { roots }: ProbeContext): Promise<boolean> => {
  const status = await readFile(`${roots.proc}/self/status`, 'utf8')
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  return ((effective >> BigInt(bit)) & 1n) === 1n
}

const fuse = async ({ roots }: ProbeContext): Promise<ProbeResult> => {
  const known = /\bfuse$/m.test(await readFile(`${roots.proc}/filesystems`, 'utf8'))
  if (known) return ok('in this kernel')
  return missing('not in /proc/filesystems', 'nothing can be exported', "run 'modprobe fuse'")
}

const fuseDevice = async (): Promise<ProbeResult> => {
  const reason = await whyNotOpen('/dev/fuse')
  if (reason === undefined) return ok('/dev/fuse opens')
  return missing(
    `/dev/fuse: ${reason}`,
    'nothing can be exported',
    'run as root; in a container pass --device /dev/fuse',
  )
}

const mountRight = async (context: ProbeContext): Promise<ProbeResult> =>
  (await hasCapability(capability.sysAdmin, context))
    ? ok('CAP_SYS_ADMIN')
    : missing('no CAP_SYS_ADMIN', 'nothing can be mounted or attached', 'run as root')

const nativeAddon = (): ProbeResult => {
  try {
    addon()
    return ok('loads')
  } catch (error) {
    return missing(reasonOf(error), 'nothing can be exported', "run 'npm run build' and read what it prints")
  }
}

const ioUring = (): ProbeResult => {
  const { errno, features } = addon().probeIoUring()
  if (errno === 0) return ok(features.join(' '))
  return degraded(
    errnoName(errno),
    "only the transport 'syscall' works, about a fifth slower",
    "set kernel.io_uring_disabled to 0, or allow io_uring in the container's seccomp profile",
  )
}

const fuseOverIoUring = async ({ roots }: ProbeContext): Promise<ProbeResult> => {
  const path = `${roots.sys}/module/fuse/parameters/enable_uring`
  const value = await readValue(path)
  const cost = "the transport 'uring' is not available; 'classic' is taken instead"
  if (value === undefined) return degraded('not in this kernel', cost, 'use a kernel with FUSE-over-io_uring')
  if (/^[Y1]/.test(value)) return ok('enable_uring is Y')
  return {
    ...degraded('enable_uring is N', cost, `run 'ringvol doctor --fix', or 'echo Y > ${path}' as root`),
    fix: {
      fixing: `switching FUSE-over-io_uring on until the next boot: Y > ${path}`,
      apply: () => writeFile(path, 'Y'),
    },
  }
}

/** Page size of every machine that ringvol's addon is built for by default; the sysctl counts pages. */
const pageSize = 4096
const wantedRequest = 1024 * 1024

const maxRequest = async ({ roots }: ProbeContext): Promise<ProbeResult> => {
  const path = `${roots.proc}/sys/fs/fuse/max_pages_limit`
  const pages = await readValue(path)
  // Without the sysctl the limit is a constant of the kernel, 256 pages.
  const bytes = Number(pages ?? '256') * pageSize
  if (bytes >= wantedRequest) return ok(formatSize(bytes))
  return degraded(
    formatSize(bytes),
    'large requests are cut into pieces',
    `run 'sysctl fs.fuse.max_pages_limit=${String(wantedRequest / pageSize)}'`,
  )
}

const requestTimeouts = async ({ roots }: ProbeContext): Promise<ProbeResult> => {
  const names = ['default_request_timeout', 'max_request_timeout']
  const values = await Promise.all(names.map((name) => readValue(`${roots.proc}/sys/fs/fuse/${name}`)))
  const set = names.filter((_, index) => Number(values[index] ?? '0') > 0)
  if (set.length === 0) return ok('none')
  return degraded(
    set.map((name) => `fs.fuse.${name}=${String(values[names.indexOf(name)])} s`).join(' '),
    'a request that takes longer ends the whole volume: the kernel aborts the connection',
    `set ${set.map((name) => `fs.fuse.${name}`).join(' and ')} to 0, or well above the slowest answer of the backend`,
  )
}

const memoryLock = async (context: ProbeContext): Promise<ProbeResult> => {
  const limits = await readFile(`${context.roots.proc}/self/limits`, 'utf8')
  const soft = /^Max locked memory\s+(\S+)/m.exec(limits)?.[1] ?? 'unlimited'
  const bytes = soft === 'unlimited' ? Infinity : Number(soft)
  if (await hasCapability(capability.ipcLock, context)) return ok('not limited: CAP_IPC_LOCK')
  if (bytes >= 64 * 1024 * 1024) return ok(soft === 'unlimited' ? soft : formatSize(bytes))
  return degraded(
    formatSize(bytes),
    'rings and registered buffers may not fit; what does not fit is done without',
    "run 'ulimit -l unlimited' first, or set LimitMEMLOCK=infinity in the unit",
  )
}

const ioFlusher = (): ProbeResult => {
  const errno = addon().setIoFlusher()
  if (errno === 0) return ok('permitted')
  return degraded(
    errnoName(errno),
    'under heavy memory pressure a volume that the same machine writes to can stall',
    'give it CAP_SYS_RESOURCE, see PR_SET_IO_FLUSHER in prctl(2)',
  )
}

/** What an idle CPU of a guest does before it halts. Coming back from a halt is most of what one request at a time costs. */
const idleCpus = async ({ roots }: ProbeContext): Promise<ProbeResult> => {
  const path = `${roots.sys}/module/haltpoll/parameters/guest_halt_poll_ns`
  const governor = await readValue(`${roots.sys}/devices/system/cpu/cpuidle/current_governor`)
  const nanoseconds = governor === 'haltpoll' ? await readValue(path) : undefined
  if (nanoseconds === undefined) return ok('left to the machine')
  if (Number(nanoseconds) > 0) return ok(`poll for ${nanoseconds} ns before they halt`)
  return degraded(
    'halt at once (guest_halt_poll_ns is 0)',
    'requests that come alone, or few at a time, take up to twice as long',
    `run 'echo 200000 > ${path}' as root: idle CPUs then stay awake for up to 0.2 ms`,
  )
}

const loopControl = async (): Promise<ProbeResult> => {
  const reason = await whyNotOpen('/dev/loop-control')
  if (reason === undefined) return ok('/dev/loop-control opens')
  return missing(`/dev/loop-control: ${reason}`, 'no loop device can be attached', "run 'modprobe loop' as root")
}

const losetup = async (): Promise<ProbeResult> => {
  const advice = 'apt-get install mount'
  const help = await runProgram('losetup', ['--help']).catch(() => undefined)
  if (help === undefined) return missing('no losetup', 'no loop device can be attached', advice)
  if (help.stdout.includes('--direct-io')) return ok('knows --direct-io')
  return missing('losetup without --direct-io', 'no loop device with direct I/O can be attached', advice)
}

const runDirectory = async ({ roots }: ProbeContext): Promise<ProbeResult> => {
  try {
    // Not made here: looking must not leave anything. The first volume makes it.
    const place = await access(roots.run).then(
      () => roots.run,
      () => dirname(roots.run),
    )
    await access(place, constants.W_OK | constants.X_OK)
    return ok(roots.run)
  } catch (error) {
    const advice = 'run as root, or set RINGVOL_RUN to a folder of yours'
    return missing(`${roots.run}: ${reasonOf(error)}`, 'volumes cannot be kept track of', advice)
  }
}

const deadVolumes = async ({ roots, logger }: ProbeContext): Promise<ProbeResult> => {
  const dead: string[] = []
  for (const state of await listStates(roots)) if (!(await isAlive(state.owner, roots))) dead.push(state.name)
  if (dead.length === 0) return ok('none')
  return {
    ...degraded(
      dead.join(' '),
      'their daemons died; mounts and loop devices of them give errors',
      `run 'ringvol detach ${dead.join(' ')}' or 'ringvol doctor --fix'`,
    ),
    fix: {
      fixing: `cleaning up after ${dead.join(', ')}`,
      apply: async () => {
        for (const name of dead) await cleanUpDead(name, logger, roots)
      },
    },
  }
}

/** Slower than any healthy disk, so that a look while there is load finds nothing. */
const longMs = 10_000

/** What a daemon that serves has to say, and one that does not say anything. */
const runningVolumes = async ({ roots }: ProbeContext): Promise<ProbeResult> => {
  const volumes = (await listVolumes(roots)).filter(({ state }) => state !== 'dead')
  const silent = volumes.filter(({ state }) => state === 'silent')
  const slow = volumes.filter(({ oldestRequestMs }) => (oldestRequestMs ?? 0) >= longMs)
  const troubles = [
    ...silent.map(({ name, pid }) => `${name}: its daemon (pid ${String(pid)}) does not answer`),
    ...slow.map(({ name, oldestRequestMs }) => `${name}: a request waits for ${formatAge(oldestRequestMs ?? 0)}`),
  ]
  if (troubles.length === 0) return ok(volumes.length === 0 ? 'none' : `${String(volumes.length)}, and all answer`)
  const names = [...silent, ...slow].map(({ name }) => name).join(' ')
  return degraded(
    troubles.join(', '),
    'whoever waits for it cannot even be killed',
    `see what its storage or process waits for; 'ringvol detach --force ${names}' ends it, and all waits with it`,
  )
}

/** Mounts of ringvol that no folder knows: of library users, who keep none, or of a run directory that was removed. */
const strayMounts = async ({ roots }: ProbeContext): Promise<ProbeResult> => {
  const known = new Set((await listStates(roots)).map((state) => state.mountpoint))
  const stray = (await listMounts(roots))
    .filter((mount) => isFuse(mount) && mount.type === 'fuse.ringvol' && !known.has(mount.mountpoint))
    .map((mount) => mount.mountpoint)
  if (stray.length === 0) return ok('none')
  return degraded(
    stray.join(' '),
    'no volume is known there: a program that uses the library has it, or nobody',
    `if nobody has it, run 'umount --lazy ${stray.join(' ')}'`,
  )
}

export const probes: readonly Probe[] = [
  { name: 'FUSE', probe: fuse },
  { name: '/dev/fuse', probe: fuseDevice },
  { name: 'right to mount', probe: mountRight },
  { name: 'native addon', probe: nativeAddon },
  { name: 'loop devices', probe: loopControl },
  { name: 'losetup', probe: losetup },
  { name: 'run directory', probe: runDirectory },
  { name: 'io_uring', probe: ioUring },
  { name: 'FUSE over io_uring', probe: fuseOverIoUring },
  { name: 'largest request', probe: maxRequest },
  { name: 'request timeouts', probe: requestTimeouts },
  { name: 'locked memory', probe: memoryLock },
  { name: 'I/O flusher', probe: ioFlusher },
  { name: 'idle CPUs', probe: idleCpus },
  { name: 'running volumes', probe: runningVolumes },
  { name: 'dead volumes', probe: deadVolumes },
  { name: 'stray mounts', probe: strayMounts },
]
