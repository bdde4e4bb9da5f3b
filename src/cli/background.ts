/**
 * `attach` and `run` start `serve` in the background: the same program with the same options.
 */
import { fileURLToPath } from 'node:url'
import { renderArguments, serveOptions, type Given } from './options.js'

const main = fileURLToPath(new URL('./main.js', import.meta.url))

/** Its log lines are JSON, so that its error, with its code, can be shown by whoever started it. */
export const serveCommand = (source: string, name: string, mountpoint: string, given: Given): string[] => {
  const passed = renderArguments(
    given,
    serveOptions.filter((option) => option !== 'name'),
  )
  const talk = [...Array<string>(Number(given.verbose ?? 0)).fill('-v'), ...(given.quiet === true ? ['-q'] : [])]
  const fixed = [`--name=${name}`, '--log-format=json']
  return [process.execPath, ...process.execArgv, main, 'serve', source, mountpoint, ...fixed, ...talk, ...passed]
}
