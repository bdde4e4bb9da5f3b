#!/usr/bin/env node
/**
 * The program `ringvol`: data on stdout, everything else on stderr, and an exit status.
 */
import { systemRoots } from '../host/roots.js'
import { createLogger, type Logger, type LogFormat, type LogLevel } from '../log.js'
import { parseSettings, type Settings } from './options.js'
import { parse } from './parse.js'
import { exitCodeOf, reportError } from './report.js'

const levelOf = ({ quiet, verbose }: Settings): LogLevel =>
  quiet ? 'error' : verbose === 0 ? 'info' : verbose === 1 ? 'debug' : 'trace'

const loggerFor = (settings: Settings): Logger => {
  const format: LogFormat | undefined = settings['log-format']
  return createLogger({ level: levelOf(settings), ...(format === undefined ? {} : { format }) })
}

const main = async (argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> => {
  let logger = createLogger()
  let json = false
  const report = (error: unknown): void => {
    reportError(error, { logger, json, write: (text) => process.stderr.write(text) })
  }
  const print = (text: string): void => {
    process.stdout.write(text)
  }
  try {
    systemRoots(environment)
    const parsed = await parse(argv, environment, process.stdout.isTTY ? Math.min(100, process.stdout.columns) : 100)
    if (parsed.kind === 'text') {
      print(parsed.text)
      return 0
    }
    const settings = parseSettings(parsed.given)
    logger = loggerFor(settings)
    json = settings['log-format'] === 'json'
    return await parsed.command.run({ ...parsed, settings, logger, print, report, environment })
  } catch (error) {
    report(error)
    return exitCodeOf(error)
  }
}

// A reader that went away, as in `ringvol list | head -1`, is no failure, least of all of a volume that is served.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

// Not left to the event loop to run empty: whatever a user's module still has open must not keep a daemon alive whose
// volume is gone. Nothing is lost, since writes to files, pipes and terminals are synchronous on Linux.
process.exit(await main(process.argv.slice(2), process.env))
