/**
 * Where a test file keeps everything it makes, so that whatever it leaves behind can be found by name.
 *
 * One private directory per test process, made before anything else; images, mountpoints and run directories live
 * under it, and every child carries its path in RINGVOL_TEST. So the journal of mounts and processes is the system's
 * own (mountinfo, /proc/PID/environ) and can never be behind; only loop devices are written down (journal.ts), because
 * the path they show may be cut short once the mount they came from is gone.
 *
 * Not t.testdir(): tap removes that directory, through a live mount, before teardown could unmount.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const scratchParent = '/var/tmp'
export const scratchPrefix = 'ringvol-test-'
/** Environment variable that marks every process a test starts. */
export const mark = 'RINGVOL_TEST'

/** Field 22 of /proc/PID/stat; with the pid it names one process for ever. Undefined: there is no such process. */
export const startTime = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
    // The command name, field 2, may hold spaces and parentheses; what follows its last parenthesis is fields 3 on.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

const create = (): string => {
  const directory = mkdtempSync(join(scratchParent, `${scratchPrefix}${String(process.pid)}-`))
  writeFileSync(join(directory, 'owner'), `${String(process.pid)} ${startTime(process.pid) ?? ''}\n`)
  mkdirSync(join(directory, 'run'), { mode: 0o700 })
  return directory
}

/** This process's directory. */
export const scratch = create()
/** What ringvol uses instead of /run/ringvol. */
export const runDirectory = join(scratch, 'run')
export const marked: NodeJS.ProcessEnv = { ...process.env, [mark]: scratch, RINGVOL_RUN: runDirectory, LC_ALL: 'C' }

let serial = 0

/** A path under the scratch directory that nothing has yet: `image-3`. */
export const freshPath = (what: string): string => join(scratch, `${what}-${String(++serial)}`)

/** The same, made as a directory. */
export const freshDirectory = (what: string): string => {
  const path = freshPath(what)
  mkdirSync(path, { mode: 0o700 })
  return path
}

/** Pids of all processes that this test (or the one with that scratch directory) started, directly or not. */
export const markedPids = (directory: string = scratch): number[] =>
  readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return []
    try {
      const environment = readFileSync(`/proc/${name}/environ`, 'latin1').split('\0')
      return environment.includes(`${mark}=${directory}`) ? [Number(name)] : []
    } catch {
      return []
    }
  })
