/**
 * A made-up machine for the readers of /proc, /sys and the run directory: plain files in a test directory.
 */
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { rmSync } from 'node:fs'
import type { Roots } from '../../src/host/roots.js'

export interface Machine extends Roots {
  readonly directory: string
  /** Writes a file; its path is below the machine: `sys/block/loop0/ro`. */
  write(path: string, text: string): string
  link(path: string, target: string): void
  mounts(...lines: string[]): void
  loop(number: number, backingFile: string, attributes?: { ro?: string; dio?: string }): void
  process(pid: number, details?: { startTime?: number; state?: string; comm?: string; open?: string[] }): void
}

export const machine = (t: Test): Machine => {
  // Not t.testdir(): paths of control sockets must stay short.
  const directory = mkdtempSync(join(tmpdir(), 'rv-'))
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true })
  })
  const write = (path: string, text: string): string => {
    const full = join(directory, path)
    mkdirSync(dirname(full), { recursive: true })
    writeFileSync(full, text)
    return full
  }
  const link = (path: string, target: string): void => {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    symlinkSync(target, join(directory, path))
  }
  mkdirSync(join(directory, 'sys/block'), { recursive: true })
  write('proc/swaps', 'Filename\tType\tSize\tUsed\tPriority\n')
  write('proc/self/mountinfo', '')
  return {
    directory,
    proc: join(directory, 'proc'),
    sys: join(directory, 'sys'),
    run: join(directory, 'run'),
    write,
    link,
    mounts: (...lines) => {
      write('proc/self/mountinfo', lines.map((line) => `${line}\n`).join(''))
    },
    loop: (number, backingFile, { ro = '0', dio = '1' } = {}) => {
      const name = `loop${String(number)}`
      write(`sys/block/${name}/ro`, `${ro}\n`)
      write(`sys/block/${name}/loop/backing_file`, `${backingFile}\n`)
      write(`sys/block/${name}/loop/dio`, `${dio}\n`)
      write(`sys/class/block/${name}/dev`, `7:${String(number)}\n`)
    },
    process: (pid, { startTime = 1, state = 'S', comm = 'sleep', open = [] } = {}) => {
      const rest = Array.from({ length: 18 }, () => '0').join(' ')
      write(`proc/${String(pid)}/stat`, `${String(pid)} (${comm}) ${state} ${rest} ${String(startTime)} 0\n`)
      write(`proc/${String(pid)}/comm`, `${comm}\n`)
      mkdirSync(join(directory, `proc/${String(pid)}/fd`), { recursive: true })
      open.forEach((target, fd) => {
        link(`proc/${String(pid)}/fd/${String(fd)}`, target)
      })
    },
  }
}
