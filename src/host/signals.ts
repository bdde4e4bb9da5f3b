/**
 * Signals that ask a program to end, as something that can be awaited, so that work in progress is undone and not
 * dropped.
 */
import { constants } from 'node:os'

export const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
export type StopSignal = (typeof stopSignals)[number]

/** The work was given up because of a signal; everything it had made is gone again. */
export class Interrupted extends Error {
  constructor(readonly signal: NodeJS.Signals) {
    super(`ended by ${signal}`)
    this.name = 'Interrupted'
  }

  get exitCode(): number {
    return signalExitCode(this.signal)
  }
}

/** 128 + n, as shells show a process that signal n ended. */
export const signalExitCode = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]

/** Calls `listener` for each stop signal until the returned function is called. */
export const onStopSignal = (listener: (signal: StopSignal) => void): (() => void) => {
  for (const name of stopSignals) process.on(name, listener)
  return () => {
    for (const name of stopSignals) process.off(name, listener)
  }
}

/** Runs `work` with a signal that aborts, its reason an Interrupted, at the first stop signal. */
export const untilSignalled = async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  const controller = new AbortController()
  const stop = onStopSignal((name) => {
    controller.abort(new Interrupted(name))
  })
  try {
    return await work(controller.signal)
  } finally {
    stop()
  }
}
