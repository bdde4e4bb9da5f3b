/**
 * Takes down whatever a test left behind: found by its scratch directory, never by a broad name.
 *
 * Order matters. File systems on our loop devices go first (their write-back still needs the daemon), then loop
 * devices, then FUSE mounts, then processes; where the polite way does not work within its deadline, the FUSE
 * connection is aborted, which ends every wait, and the mount is detached lazily.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ownLoops } from './journal.js'
import { abortConnections, mountsUnder } from './mounts.js'
import { markedPids, scratch, scratchParent, scratchPrefix, startTime } from './scratch.js'

/** Every tool here may wait for a daemon that is gone, so each has a deadline; none runs where it could wait for us. */
const tool = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { timeout: 5000, killSignal: 'SIGKILL', stdio: 'ignore' }).status === 0

const pause = (milliseconds: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

const untilOrDeadline = (condition: () => boolean, deadline: number): boolean => {
  const end = Date.now() + deadline
  while (!condition()) {
    if (Date.now() > end) return false
    pause(20)
  }
  return true
}

/** What is still there of a test: one line each, empty when all is clean. */
export const leftovers = (directory: string = scratch): string[] => [
  ...mountsUnder(directory).map(({ path, type }) => `mount ${path} (${type})`),
  ...ownLoops(directory).map(({ device, backing }) => `loop device ${device} (${backing})`),
  ...markedPids(directory).map((pid) => `process ${String(pid)}`),
]

const unmountAll = (directory: string, isFuse: boolean): void => {
  const mounts = mountsUnder(directory).filter(({ type }) => type.startsWith('fuse') === isFuse)
  for (const { path } of mounts.reverse()) {
    if (!tool('umount', path)) tool('umount', '-l', path)
  }
}

/** Takes down everything under a scratch directory and removes it. Returns what it found and what would not go. */
export const sweep = (directory: string = scratch): { found: string[]; stuck: string[] } => {
  const found = leftovers(directory)
  const loops = ownLoops(directory)
  const loopMounts = mountsUnder(directory).filter(({ source }) => loops.some(({ device }) => device === source))
  for (const { path } of loopMounts.reverse()) {
    if (!tool('umount', path)) {
      abortConnections(directory)
      tool('umount', '-l', path)
    }
  }
  for (const { device } of loops) tool('losetup', '-d', device)
  if (!untilOrDeadline(() => ownLoops(directory).length === 0, 2000)) abortConnections(directory)
  unmountAll(directory, true)
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    for (const pid of markedPids(directory)) {
      try {
        process.kill(pid, signal)
      } catch {
        // It ended by itself since it was listed.
      }
    }
    if (untilOrDeadline(() => markedPids(directory).length === 0, 3000)) break
  }
  unmountAll(directory, true)
  unmountAll(directory, false)
  untilOrDeadline(() => ownLoops(directory).length === 0, 2000)
  const stuck = leftovers(directory)
  if (mountsUnder(directory).length === 0) rmSync(directory, { recursive: true, force: true })
  return { found, stuck }
}

/** For a directory that was just made to get its owner. */
const newMs = 60_000

const isNew = (directory: string): boolean => {
  try {
    return Date.now() - statSync(directory).ctimeMs < newMs
  } catch {
    return true // it is gone
  }
}

/** Scratch directories whose test process has ended. */
export const abandoned = (): string[] =>
  readdirSync(scratchParent)
    .filter((name) => name.startsWith(scratchPrefix))
    .map((name) => join(scratchParent, name))
    .filter((directory) => {
      try {
        const [pid, started] = readFileSync(join(directory, 'owner'), 'utf8').trim().split(' ')
        return startTime(Number(pid)) !== started
      } catch {
        return !isNew(directory)
      }
    })
