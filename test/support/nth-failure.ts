/**
 * The first, the second, the third … operation fails, until a run gets through without a failure: so every error path
 * is taken, also those that nobody thought of.
 *
 * Two kinds: only that operation fails, or all from it on, as with a disk that is gone; then what cleans up fails too.
 */
import fs, { readdirSync, readlinkSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { systemError } from '../backend/calls.js'

export const failureKinds = ['once', 'from then on'] as const
export type FailureKind = (typeof failureKinds)[number]

/** Where something may fail. */
export interface FailurePoint {
  /** Throws when it is the turn of this operation. */
  check(operation: string): void
}

export class NthFailure implements FailurePoint {
  readonly nth: number
  readonly errno: number
  readonly kind: FailureKind
  /** What failed first. */
  failed: string | undefined
  #calls = 0
  #healed = false

  constructor(nth: number, errno: number, kind: FailureKind = 'once') {
    this.nth = nth
    this.errno = errno
    this.kind = kind
  }

  /** Nothing fails from here on: what was refused can be tried again. */
  heal(): void {
    this.#healed = true
  }

  check(operation: string): void {
    this.#calls += 1
    if (this.#healed || (this.kind === 'once' ? this.#calls !== this.nth : this.#calls < this.nth)) return
    this.failed ??= operation
    throw systemError(this.errno, operation)
  }
}

/** A run with each operation failing in turn; returns what failed, in order. Gives up after 1000: that is no end. */
export const sweepFailures = async (
  errno: number,
  kind: FailureKind,
  run: (failure: NthFailure) => Promise<void>,
): Promise<string[]> => {
  const failed: string[] = []
  for (let nth = 1; nth <= 1000; nth++) {
    const failure = new NthFailure(nth, errno, kind)
    await run(failure)
    if (failure.failed === undefined) return failed
    failed.push(failure.failed)
  }
  throw new Error(`still failing after a thousand operations, the last was ${String(failed.at(-1))}`)
}

/** Descriptors of this process that lead below `directory`, as paths. */
export const openBelow = (directory: string): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`)
      return path.startsWith(directory) ? [path] : []
    } catch {
      return [] // the one that lists the others
    }
  })

type Method = (this: unknown, ...args: unknown[]) => unknown
type Methods = Record<string, Method>

const pathMethods = ['stat', 'access', 'unlink', 'rename', 'rm', 'rmdir', 'mkdir', 'mkdtemp', 'readdir', 'readFile', 'writeFile', 'chmod', 'open'] // prettier-ignore
const handleMethods = ['stat', 'truncate', 'sync', 'datasync', 'read', 'write']

const handlePrototype = async (): Promise<Methods> => {
  const handle = await open('/dev/null')
  await handle.close()
  return Object.getPrototypeOf(handle) as Methods
}

/**
 * Lets calls of node:fs on what lies below `directory` fail, by path or by a descriptor that was opened so. A failed
 * `close` has closed, as close(2) does. Returns how to put everything back.
 */
export const failFiles = async (directory: string, failure: FailurePoint): Promise<() => void> => {
  const promises = fs.promises as unknown as Methods
  const prototype = await handlePrototype()
  const restored: (() => void)[] = []
  const replace = (methods: Methods, name: string, make: (real: Method) => Method): void => {
    const real = methods[name] as Method
    methods[name] = make(real)
    restored.push(() => {
      methods[name] = real
    })
  }
  const descriptors = new Set<number>()
  const concerns = (path: unknown): boolean => {
    const fd = /^\/proc\/self\/fd\/(\d+)$/.exec(String(path))?.[1]
    return fd === undefined ? String(path).startsWith(directory) : descriptors.has(Number(fd))
  }
  // Node gives each handle a `close` of its own.
  const took = (handle: FileHandle): void => {
    const { fd, close } = handle
    descriptors.add(fd)
    handle.close = async () => {
      descriptors.delete(fd)
      await close.call(handle)
      failure.check('close')
    }
  }
  for (const name of pathMethods) {
    replace(promises, name, (real) => async (...args) => {
      if (!concerns(args[0])) return real.apply(promises, args)
      failure.check(name)
      const result = await real.apply(promises, args)
      if (name === 'open') took(result as FileHandle)
      return result
    })
  }
  for (const name of handleMethods) {
    replace(prototype, name, (real) => {
      return async function (this: unknown, ...args) {
        if (descriptors.has((this as FileHandle).fd)) failure.check(name)
        return await real.apply(this, args)
      }
    })
  }
  for (const name of ['read', 'write']) {
    replace(fs as unknown as Methods, name, (real) => (...args) => {
      try {
        if (descriptors.has(args[0] as number)) failure.check(name)
      } catch (error) {
        setImmediate(args.at(-1) as (error: unknown) => void, error)
        return
      }
      return real.apply(fs, args)
    })
    replace(fs as unknown as Methods, `${name}Sync`, (real) => (...args) => {
      if (descriptors.has(args[0] as number)) failure.check(name)
      return real.apply(fs, args)
    })
  }
  syncBuiltinESMExports()
  return () => {
    for (const restore of restored.reverse()) restore()
    syncBuiltinESMExports()
  }
}
