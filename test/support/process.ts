/**
 * Child processes with a deadline. Whatever touches a mount runs in one of these, never in the test itself.
 *
 * A child that misses its deadline is most likely asleep inside the kernel, waiting for an answer that never comes, and
 * then even SIGKILL does not end it. So on expiry the kernel stacks are collected first (they say what it waits for),
 * then the FUSE connections of this test are aborted, which wakes it up with an error, then it is killed.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { abortConnections } from './mounts.js'
import { marked, markedPids, scratch } from './scratch.js'

export interface Result {
  /** Exit status; 128 + n when signal n ended it, as a shell says it. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** Milliseconds; default 30000. */
  readonly deadline?: number
  readonly input?: string
  readonly environment?: Readonly<Record<string, string>>
}

export interface Running {
  readonly child: ChildProcess
  readonly pid: number
  /** Lines of stdout so far. */
  readonly lines: readonly string[]
  /** What it wrote to stderr so far. */
  stderr(): string
  /** The first line of stdout that the predicate accepts. Rejects at the deadline, or when the child ends without it. */
  line(accept?: (line: string) => boolean, deadline?: number): Promise<string>
  /** Settles when the child has ended and its output is read. Rejects at the deadline. */
  ended(deadline?: number): Promise<Result>
}

const signalNumbers: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 2, SIGABRT: 6, SIGBUS: 7, SIGKILL: 9, SIGSEGV: 11, SIGPIPE: 13, SIGTERM: 15 } // prettier-ignore

/** Polls until the condition holds. Rejects at the deadline, naming what was waited for. */
export const until = async (
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadline = 10_000,
): Promise<void> => {
  const end = Date.now() + deadline
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`after ${String(deadline)} ms still not: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** What each process of this test is doing inside the kernel: for the report of a missed deadline. */
export const kernelStacks = (): string =>
  markedPids()
    .map((pid) => {
      const read = (file: string): string => {
        try {
          return readFileSync(`/proc/${String(pid)}/${file}`, 'utf8')
            .replaceAll('\0', ' ')
            .trimEnd()
        } catch {
          return '?'
        }
      }
      const state = /^State:\s*(.*)$/m.exec(read('status'))?.[1] ?? '?'
      return `${String(pid)} [${state}] ${read('cmdline').slice(0, 160)}\n${read('stack')}`
    })
    .join('\n')

/** Starts a child and hands it over running. Its stdout is read line by line. */
export const start = (command: string, args: readonly string[], options: RunOptions = {}): Running => {
  const child = spawn(command, args, { env: { ...marked, ...options.environment }, stdio: ['pipe', 'pipe', 'pipe'] })
  const title = `${command} ${args.join(' ')}`.slice(0, 300)
  const lines: string[] = []
  const watchers = new Set<() => void>()
  let stderr = ''
  let result: Result | undefined
  let failure: Error | undefined
  const notify = (): void => {
    for (const watcher of watchers) watcher()
  }
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    notify()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.on('error', (error) => {
    failure = error
    notify()
  })
  child.on('close', (code, signal) => {
    const stdout = lines.length === 0 ? '' : `${lines.join('\n')}\n`
    result = { code: code ?? 128 + (signalNumbers[signal ?? 'SIGKILL'] ?? 0), stdout, stderr }
    notify()
  })
  child.stdin.on('error', () => undefined)
  if (options.input !== undefined) child.stdin.end(options.input)

  const waitFor = async <T>(what: string, look: () => T | undefined, deadline: number): Promise<T> => {
    const found = await new Promise<T | undefined>((resolve, reject) => {
      const timer = setTimeout(() => {
        watchers.delete(watcher)
        resolve(undefined)
      }, deadline)
      const settle = (action: () => void): void => {
        clearTimeout(timer)
        watchers.delete(watcher)
        action()
      }
      const watcher = (): void => {
        const value = look()
        const failed = failure
        if (failed !== undefined)
          settle(() => {
            reject(failed)
          })
        else if (value !== undefined)
          settle(() => {
            resolve(value)
          })
        else if (result !== undefined) {
          const message = `${title} ended with ${String(result.code)} before the ${what}: ${stderr}`
          settle(() => {
            reject(new Error(message))
          })
        }
      }
      watchers.add(watcher)
      watcher()
    })
    if (found !== undefined) return found
    const stacks = kernelStacks()
    abortConnections(scratch)
    child.kill('SIGKILL')
    throw new Error(`${title}: no ${what} within ${String(deadline)} ms\nstderr: ${stderr}\n${stacks}`)
  }
  return {
    child,
    pid: child.pid ?? -1,
    lines,
    stderr: () => stderr,
    line: (accept = () => true, deadline = 30_000) => waitFor('line', () => lines.find(accept), deadline),
    ended: (deadline = 30_000) => waitFor('end', () => result, deadline),
  }
}

/** Runs a child to its end. A status other than 0 is a result, not an error. */
export const attempt = (command: string, args: readonly string[], options: RunOptions = {}): Promise<Result> =>
  start(command, args, { input: '', ...options }).ended(options.deadline)

/** Runs a child that must succeed; resolves to its stdout without the last newline. */
export const run = async (command: string, args: readonly string[], options: RunOptions = {}): Promise<string> => {
  const { code, stdout, stderr } = await attempt(command, args, options)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${String(code)}: ${stderr}${stdout}`)
  return stdout.replace(/\n$/, '')
}

/** For tasks: runs an action and says `done`, or the code of the error it threw. */
export type Outcome = (action: () => unknown) => string

const outcome: Outcome = (action) => {
  try {
    action()
    return 'done'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

/**
 * The text of a function that is self-contained, for a child to run. `__name` is what tsx wraps functions in to keep
 * their names; a child does without.
 */
export const sourceOf = (task: (...args: never[]) => unknown): string =>
  `((__name) => ${task.toString()})((named) => named)`

/**
 * Runs a function in a child process and resolves to what it returns (as JSON). The function must be self-contained:
 * it sees only its arguments, and imports what it needs itself with `await import('node:fs')`.
 */
export const inChild = async <A, R>(
  task: (argument: A, outcome: Outcome) => R | Promise<R>,
  argument: A,
  options: RunOptions = {},
): Promise<R> => {
  const program = `const result = await ${sourceOf(task)}(${JSON.stringify(argument)}, ${sourceOf(outcome)})
    process.stdout.write(JSON.stringify(result ?? null) + '\\n')`
  return JSON.parse(await run(process.execPath, ['--input-type=module', '-e', program], options)) as R
}
