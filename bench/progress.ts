/**
 * What the user sees while it runs, on stderr: one line that rewrites itself on a terminal, plain lines elsewhere.
 */
import { type WriteStream } from 'node:tty'

export interface Progress {
  /** What is happening now; replaced by the next. `secondsLeft` of the whole run, if it can be said. */
  status(text: string, secondsLeft?: number): void
  /** A line that stays. */
  note(text: string): void
  /** Wipes the status line. */
  end(): void
}

export const createProgress = (
  stream: WriteStream | NodeJS.WritableStream,
  format: (seconds: number) => string,
): Progress => {
  const terminal = 'isTTY' in stream && stream.isTTY ? stream : null
  const wipe = terminal ? '\r\x1b[K' : ''
  let shown = ''
  const show = (text: string): void => {
    shown = text
    if (terminal) terminal.write(`${wipe}${text.slice(0, terminal.columns - 1)}`)
    else stream.write(`${text}\n`)
  }
  return {
    status: (text, secondsLeft) => {
      show(secondsLeft === undefined ? text : `${text} · ${format(secondsLeft)} left`)
    },
    note: (text) => {
      stream.write(`${wipe}${text}\n`)
      if (terminal) show(shown)
    },
    end: () => {
      stream.write(wipe)
      shown = ''
    },
  }
}
