/**
 * How each kind of resource is taken away. Every function is idempotent, waits until the resource is really gone, and
 * throws when it is still there at the deadline.
 */
import { readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { RingvolError } from '../src/errors.js'
import { attempt, lastLine, must, until } from './command.js'
import { type Entry } from './journal.js'
import { listMounts, loopsOver, readText } from './mounts.js'

/** Seconds. A daemon with much to flush may need some. */
const patience = 30

const putBack = ({ path, value, was }: Extract<Entry, { kind: 'parameter' }>): void => {
  if (readText(path) === value) writeFileSync(path, was)
}

const unmount = async ({ path }: Extract<Entry, { kind: 'mount' }>): Promise<void> => {
  const mounted = (): boolean => listMounts().some((mount) => mount.mountpoint === path)
  const end = Date.now() + patience * 1000
  while (mounted()) {
    // Busy for a moment after fio ended is common (udev looks at what changed), so a failure is no news before the deadline.
    const outcome = await attempt(['umount', path])
    if (outcome.status === 0) continue
    if (Date.now() > end) {
      await must(['umount', '--lazy', path])
      throw new RingvolError(
        'ERR_MOUNT',
        `${path} was busy for ${String(patience)} s and is now unmounted lazily: ${lastLine(outcome)}`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

const detachLoops = async ({ file }: Extract<Entry, { kind: 'loop' }>): Promise<void> => {
  for (const device of loopsOver(file)) await must(['losetup', '--detach', device])
  // losetup -d returns before a device that somebody still has open is gone.
  await until(`detaching the loop device of ${file}`, patience, () => (loopsOver(file).length === 0 ? true : undefined))
}

const detachVolume = async ({ name, command }: Extract<Entry, { kind: 'volume' }>): Promise<void> => {
  const listed = await must([...command, 'list', '--json'], { deadline: patience })
  const { volumes } = JSON.parse(listed) as { volumes: readonly { name: string }[] }
  if (volumes.some((volume) => volume.name === name))
    await must([...command, 'detach', name], { deadline: patience * 2 })
}

const endProcess = async ({ pidFile, marker }: Extract<Entry, { kind: 'process' }>): Promise<void> => {
  const pid = Number(readText(pidFile) ?? '')
  const runs = (): boolean => pid > 0 && readCommandLine(pid).includes(marker)
  if (!runs()) return
  process.kill(pid, 'SIGTERM')
  try {
    await until(`the end of process ${String(pid)}`, 10, () => (runs() ? undefined : true))
  } catch {
    process.kill(pid, 'SIGKILL')
    await until(`the end of process ${String(pid)}`, patience, () => (runs() ? undefined : true))
  }
}

/** Empty for a process that is gone or a zombie. */
const readCommandLine = (pid: number): string => {
  try {
    return readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

const removeDirectory = ({ path }: Extract<Entry, { kind: 'directory' }>): void => {
  try {
    rmdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

export const undo = async (entry: Entry): Promise<void> => {
  switch (entry.kind) {
    case 'parameter':
      putBack(entry)
      return
    case 'directory':
      removeDirectory(entry)
      return
    case 'mount':
      await unmount(entry)
      return
    case 'loop':
      await detachLoops(entry)
      return
    case 'volume':
      await detachVolume(entry)
      return
    case 'process':
      await endProcess(entry)
  }
}
