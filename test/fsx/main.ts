/**
 * fsx for people: `npm run fsx -- --target volume --mode mmap --ops 20000`. Exit status 0: volume and model agree;
 * 1: they do not, and a log says how; 2: wrong usage; 3: this machine lacks something.
 */
import { resolve } from 'node:path'
import yargs from 'yargs'
import { requires } from '../support/requires.js'
import { sweep } from '../support/sweep.js'
import { transportNames } from '../../src/transport/transport.js'
import { check, hunt, readLog, type Settings } from './hunt.js'
import { modes, targetNames } from './operation.js'
import { openTarget } from './targets.js'

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

const wrongUsage = (message: string): never => {
  process.stderr.write(`fsx: ${message}; see npm run fsx -- --help\n`)
  process.exit(2)
}

const parse = async (words: readonly string[]) => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  return yargs(words)
    .scriptName('npm run fsx --')
    .usage('$0 [options]\n\nrandom operations on a volume, compared with a model in memory')
    .option('target', { choices: targetNames, default: 'volume' as const, describe: 'the FUSE file, or a loop device' })
    .option('mode', { choices: modes, default: 'buffered' as const, describe: 'how it is opened' })
    .option('transport', { choices: transportNames, default: 'classic' as const, describe: 'how requests travel' })
    .option('ops', { type: 'number', default: 5000, describe: 'operations' })
    .option('size', { type: 'number', default: (4 << 20) + 1536, describe: 'bytes of the volume, a multiple of 512' })
    .option('seed', {
      type: 'number',
      default: seed,
      defaultDescription: 'another each time',
      describe: 'repeats a run',
    })
    .option('replay', { type: 'string', describe: 'the operations of a log, on what it says it ran on' })
    .check(({ ops, size, seed }) => {
      if (!(Number.isSafeInteger(ops) && ops > 0)) throw new Error('--ops must be a whole number above 0')
      if (!(Number.isSafeInteger(size) && size > 0 && size % 512 === 0))
        throw new Error('--size must be a positive multiple of 512')
      if (!(Number.isSafeInteger(seed) && seed >= 0)) throw new Error('--seed must be a whole number')
      return true
    })
    .strict()
    .version(false)
    .fail((message: string) => wrongUsage(message))
    .parseAsync()
}

const load = (path: string): ReturnType<typeof readLog> => {
  try {
    return readLog(path)
  } catch (error) {
    return wrongUsage(`--replay ${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const main = async (words: readonly string[]): Promise<number> => {
  const { replay, ops, target, mode, transport, size, seed } = await parse(words)
  const lacking = requires('root', 'fuse', 'loop', 'command:g++', ...(transport === 'uring' ? ['uring' as const] : []))
  if (lacking !== false) {
    process.stderr.write(`fsx: ${lacking}\n`)
    return 3
  }
  // npm runs it in the checkout; a name is meant from where the user is.
  const log = replay === undefined ? undefined : load(resolve(process.env['INIT_CWD'] ?? '', replay))
  const settings: Settings = log?.settings ?? { target, mode, transport, size, seed }
  const count = log?.operations.length ?? ops
  say(`fsx: ${settings.target}, ${settings.mode}, ${settings.transport}, ${String(count)} operations on ${String(settings.size)} bytes, seed ${String(settings.seed)}`) // prettier-ignore
  const began = Date.now()
  try {
    await (log === undefined
      ? hunt(settings, ops, { open: openTarget })
      : check(settings, log.operations, { open: openTarget }))
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    return 1
  }
  say(`fsx: all as in the model, ${((Date.now() - began) / 1000).toFixed(1)} s`)
  return 0
}

process.on('exit', () => {
  sweep()
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => process.exit(130))
}
process.exitCode = await main(process.argv.slice(2))
