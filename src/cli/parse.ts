/**
 * From argv to a command with its options, through yargs; nothing is done here.
 *
 * Pure but for the config file: help and version come back as text, mistakes as errors, so that one place prints and
 * one place decides the exit status.
 */
import { createRequire } from 'node:module'
import yargs, { type Argv, type Options } from 'yargs'
import { nearest } from '../backend/nearest.js'
import { RingvolError } from '../errors.js'
import type { Command } from './command.js'
import { commands } from './commands/index.js'
import { fromEnvironment, readConfig } from './config.js'
import { commonOptions, options, type Given, type OptionName, type OptionRow } from './options.js'

export type Parsed =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'command'
      readonly command: Command
      readonly given: Given
      readonly positionals: Readonly<Record<string, readonly string[]>>
      readonly rest: readonly string[]
    }

export const version = (createRequire(import.meta.url)('../../package.json') as { version: string }).version

const parserConfiguration = {
  'populate--': true,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'camel-case-expansion': false,
  'dot-notation': false,
  'greedy-arrays': false,
  'strip-aliased': true,
} as const

/** Defaults are only told here and applied by parseSettings, so that `given` holds what was given. */
const yargsOption = (row: OptionRow): Options => {
  const common = { describe: row.describe, ...(row.alias === undefined ? {} : { alias: row.alias }) }
  if (row.kind === 'flag') return { ...common, type: 'boolean' }
  if (row.kind === 'count') return { ...common, type: 'count' }
  if (row.kind === 'list') return { ...common, type: 'array', string: true, requiresArg: true }
  const fallback = row.fallback ?? row.fallbackText
  const describe = `${row.describe}${fallback === undefined ? '' : ` (default: ${fallback})`}`
  return { ...common, describe, type: 'string', requiresArg: true }
}

/** The words of a usage line such as `<source> [target..]`, with what they are. */
const positionalNames = (positionals: string): string[] =>
  [...positionals.matchAll(/[<[]([a-z]+)(?:\.\.)?[>\]]/g)].flatMap(([, name]) => name ?? [])

const describeCommand = (command: Command) => (parser: Argv) => {
  const rest = command.rest === undefined ? '' : ` -- ${command.rest}`
  const words = ['ringvol', command.name, ...(command.positionals === '' ? [] : [command.positionals])]
  parser.usage(`${words.join(' ')}${rest}\n\n${command.summary}`)
  for (const name of positionalNames(command.positionals)) {
    parser.positional(name, { describe: command.arguments[name] ?? '', type: 'string' })
  }
  const own = command.options.filter((name) => !(commonOptions as readonly string[]).includes(name))
  for (const name of own) parser.option(name, yargsOption(options[name]))
  // Not with yargs' own examples: it breaks long command lines, which then cannot be copied.
  const examples = command.examples.map(([line, meaning]) => `  ${line}\n      ${meaning}`)
  return parser.epilogue(['Examples:', ...examples].join('\n'))
}

/** `serve` and `detach --all`: what a user reads next. */
const see = (command: Command | undefined): string =>
  `see 'ringvol ${command === undefined ? '' : `${command.name} `}--help'`

/** yargs' own words for a missing argument or value count arguments; ours name them. */
const reword = (message: string, command: Command | undefined): string => {
  const [, option] = /^Not enough arguments following: (.+)$/.exec(message) ?? []
  if (option !== undefined) return `--${option} needs a value`
  if (!message.startsWith('Not enough non-option arguments') || command === undefined) {
    return message.replace(/\s*\n\s*/g, ' ').replace(/\.$/, '')
  }
  return `${command.name}: an argument is missing, write 'ringvol ${command.name} ${command.positionals}'`
}

/** Turns what yargs says about wrong usage into an error of ours, with the nearest name. */
const usageError = (message: string, command: Command | undefined): RingvolError => {
  const [, kind, list = ''] = /^Unknown (argument|command)s?: (.+)$/.exec(message) ?? []
  if (kind === undefined) {
    return new RingvolError('ERR_USAGE', reword(message, command), { advice: see(command) })
  }
  const [first = ''] = list.split(', ')
  if (command === undefined) {
    const near = nearest(first, commands.map(({ name }) => name)) // prettier-ignore
    const hint = near === undefined ? '' : `did you mean '${near}'? `
    return new RingvolError('ERR_USAGE', `unknown command '${first}'`, { advice: `${hint}${see(command)}` })
  }
  const near = nearest(first, command.options)
  const hint = near === undefined ? '' : `did you mean '--${near}'? `
  return new RingvolError('ERR_USAGE', `${command.name}: unknown option or argument '${first}'`, {
    advice: `${hint}${see(command)}`,
  })
}

/** Where the command's options come from before the arguments: file, then environment over it. */
const configured = (command: Command, configFile: string | undefined, environment: NodeJS.ProcessEnv): Given => {
  if (!command.options.includes('config')) return pick(fromEnvironment(environment), command.options)
  const file = configFile ?? environment['RINGVOL_CONFIG']
  const merged = { ...(file === undefined || file === '' ? {} : readConfig(file)), ...fromEnvironment(environment) }
  return pick(merged, command.options)
}

const pick = (given: Given, names: readonly OptionName[]): Given =>
  Object.fromEntries(Object.entries(given).filter(([name]) => (names as readonly string[]).includes(name)))

const createParser = (columns: number): Argv => {
  const parser = yargs([])
    .scriptName('ringvol')
    .locale('en')
    .parserConfiguration(parserConfiguration)
    .usage('ringvol COMMAND [OPTION...]\n\nexport a file, or your own backend, as a Linux block device')
    .version(version)
    .help()
    .alias('help', 'h')
    .strict()
    .demandCommand(1, 'there is no command')
    .showHelpOnFail(false)
    .exitProcess(false)
    .wrap(columns)
    .epilogue('Manual: docs/man/ringvol.1.md. What this machine offers: ringvol doctor.')
  for (const name of commonOptions) parser.option(name, yargsOption(options[name]))
  for (const command of commands) {
    parser.command([command.name, command.positionals].join(' ').trim(), command.summary, describeCommand(command))
  }
  return parser
}

/** Without the aliases and the positional arguments. */
const givenOf = (argv: Readonly<Record<string, unknown>>, command: Command): Given =>
  Object.fromEntries(
    command.options.flatMap((name) => {
      const row: OptionRow = options[name]
      const all = argv[name]
      // Of an option that is given twice the last one counts, as everywhere; yargs gives both.
      const item: unknown = Array.isArray(all) && row.kind !== 'list' ? all.at(-1) : all
      // yargs counts from 0 and gives an empty list where nothing was given.
      return item === undefined || item === 0 || (Array.isArray(item) && item.length === 0) ? [] : [[name, item]]
    }),
  )

const texts = (item: unknown): string[] =>
  item === undefined ? [] : (Array.isArray(item) ? item : [item]).map((one) => String(one))

/**
 * Throws ERR_USAGE. `columns`: width for help.
 */
export const parse = async (
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
  columns = 100,
): Promise<Parsed> => {
  let output = ''
  let failed: { message: string } | undefined
  const parser = createParser(columns).fail((message, error) => {
    // yargs is typed as always giving a message, but gives none where it passes an exception on.
    failed ??= { message: message || error.message }
  })
  const parsed = (await parser.parseAsync([...argv], {}, (_error: unknown, _argv: unknown, text: string) => {
    output = text
  })) as Record<string, unknown>
  const [word] = texts(parsed['_'])
  const command = commands.find(({ name }) => name === word)
  if (failed !== undefined) throw usageError(failed.message, command)
  if (output !== '') return { kind: 'text', text: `${output}\n` }
  if (command === undefined) throw new RingvolError('ERR_USAGE', 'there is no command', { advice: see(undefined) })

  const rest = texts(parsed['--'])
  if (rest.length > 0 && command.rest === undefined) {
    throw new RingvolError('ERR_USAGE', `${command.name} takes nothing behind --`, { advice: see(command) })
  }
  const fromArguments = givenOf(parsed, command)
  const { config } = fromArguments
  const given = {
    ...configured(command, typeof config === 'string' ? config : undefined, environment),
    ...fromArguments,
  }
  const positionals = Object.fromEntries(
    positionalNames(command.positionals).map((name) => [name, texts(parsed[name])]),
  )
  return { kind: 'command', command, given, positionals, rest }
}
