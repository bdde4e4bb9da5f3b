/**
 * The benchmark's own command line: words in, checked settings out, nothing started yet.
 *
 * Lists are comma-separated and make a matrix. A name that is not known is refused with the names that are: a
 * benchmark that silently measured a default would be worse than none.
 */
import yargs, { type Argv } from 'yargs'
import { RingvolError } from '../src/errors.js'
import { parseSize } from '../src/units.js'
import { patternNames, patterns } from './patterns.js'
import { targetNames, type TargetName } from './plan.js'

export const transportNames = ['passthrough', 'uring', 'classic', 'syscall'] as const
export const backendNames = ['file', 'ext4', 'memory', 'buffer', 'null'] as const
export const peerNames = ['qemu', 'nbdkit'] as const
export type PeerName = (typeof peerNames)[number]
export type BackendName = (typeof backendNames)[number]
/** What `--iodepth all` stands for: latency, the knee, throughput, and more than any ring holds. */
export const allDepths = [1, 8, 32, 256, 1024, 2048] as const

/** What shapes a run; recorded in its result file. */
export interface Settings {
  readonly quick: boolean
  readonly rounds: number
  /** Seconds of one timed run; null: chosen so that the whole ends in time (--quick). */
  readonly seconds: number | null
  /** Minutes of the same load for each system, instead of rounds. */
  readonly soak: number | null
  readonly depths: readonly number[]
  readonly patterns: readonly string[]
  readonly targets: readonly TargetName[]
  readonly transports: readonly string[]
  readonly backends: readonly BackendName[]
  /** What is given to `attach --lanes`. */
  readonly lanes: readonly string[]
  /** More words for every `attach`. */
  readonly attach: readonly string[]
  readonly peers: readonly PeerName[]
  /** Bytes of each volume; null: what fits. */
  readonly size: number | null
  /** The caller's own image instead of files on tmpfs. */
  readonly image: string | null
}

export interface RunCommand {
  readonly command: 'run'
  readonly settings: Settings
  readonly yesOverwrite: boolean
  /** Where results go; null: bench/results/. */
  readonly json: string | null
  readonly html: string | null
  /** Another ringvol to measure; null: this checkout's. */
  readonly ringvol: string | null
}
export interface CompareCommand {
  readonly command: 'compare'
  readonly before: string
  readonly after: string
}
export interface ReportCommand {
  readonly command: 'report'
  readonly results: string
  readonly html: string | null
}
export interface FlameCommand {
  readonly command: 'flame'
  /** What `perf script` printed. */
  readonly stacks: string
  readonly svg: string
}
export type Command = RunCommand | CompareCommand | ReportCommand | FlameCommand

const usage = (message: string, advice = 'see ./bench.sh --help'): RingvolError =>
  new RingvolError('ERR_USAGE', message, { advice })

const words = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')

/** A list of known names, without repeats, in the order of `known`; `all` stands for every one. */
export const parseNames = <T extends string>(option: string, text: string, known: readonly T[]): T[] => {
  const given = words(text)
  if (given.includes('all')) return [...known]
  const unknown = given.find((word) => !known.some((name) => name === word))
  if (unknown !== undefined) throw usage(`--${option}: unknown name '${unknown}'`, `known are ${known.join(', ')}, all`)
  if (given.length === 0) throw usage(`--${option}: no name given`, `known are ${known.join(', ')}, all`)
  return known.filter((name) => given.includes(name))
}

/** A list of whole numbers between 1 and `most`. */
export const parseNumbers = (option: string, text: string, most: number): number[] => {
  const given = [...new Set(words(text))].map((word) => (/^\d+$/.test(word) ? Number(word) : NaN))
  if (given.length === 0 || !given.every((value) => value >= 1 && value <= most)) {
    throw usage(`--${option}: '${text}' is not a list of whole numbers from 1 to ${String(most)}`)
  }
  return given
}

const parseNumber = (option: string, text: string, least: number, most: number): number => {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN
  if (!(value >= least && value <= most))
    throw usage(`--${option}: '${text}' is not a number from ${String(least)} to ${String(most)}`)
  return value
}

const parseLanes = (text: string): string[] =>
  words(text).map((word) => (word === 'auto' ? word : String(parseNumbers('lanes', word, 4096)[0])))

const parseDepths = (text: string): number[] =>
  words(text).includes('all') ? [...allDepths] : parseNumbers('iodepth', text, 65536)

const list = (names: readonly string[]): string => names.join(', ')

const runOptions = (parser: Argv) =>
  parser
    .option('quick', { type: 'boolean', default: false, describe: 'One short round of everything, within 60 seconds' })
    .option('rounds', { type: 'string', describe: 'Interleaved rounds [5; --quick: 1]' })
    .option('seconds', { type: 'string', describe: 'Seconds of one timed run [3; --quick: what fits]' })
    .option('soak', {
      type: 'string',
      describe: 'Minutes of one mixed load for each system instead of rounds: does its daemon grow?',
    })
    .option('iodepth', {
      type: 'string',
      default: '1024',
      describe: `Requests in flight, such as 1,32,1024; all: ${allDepths.join(', ')}`,
    })
    .option('pattern', { type: 'string', describe: `Patterns: ${list(patternNames)}, all [the four 4k jobs]` })
    .option('target', {
      type: 'string',
      default: 'raw,file',
      describe: 'raw: the loop device, file: a file on ext4 on it, volume: without the loop device',
    })
    .option('transport', { type: 'string', default: 'all', describe: `Transports: ${list(transportNames)}, all` })
    .option('backend', {
      type: 'string',
      default: 'file',
      describe:
        'file: an image on tmpfs, ext4: one on ext4, memory: and null: of ringvol, buffer: a module that copies from ' +
        'one Buffer; all',
    })
    .option('lanes', { type: 'string', default: 'auto', describe: 'Lanes, such as auto,1,2' })
    .option('attach', {
      type: 'string',
      default: '',
      describe: "More options for every ringvol attach, such as '--queue-depth 64'",
    })
    .option('peer', { type: 'string', describe: `Other programs beside it: ${list(peerNames)}, all [none]` })
    .option('size', { type: 'string', describe: 'Size of each volume [1G, or what fits; --quick: 256M]' })
    .option('image', {
      type: 'string',
      describe: 'Your own file or block device instead of files on tmpfs; needs --yes-overwrite',
    })
    .option('yes-overwrite', {
      type: 'boolean',
      default: false,
      describe: 'All contents of --image may be destroyed: the benchmark writes to it and makes a file system on it',
    })
    .option('json', { type: 'string', describe: 'File for the results [bench/results/<date>.json]' })
    .option('html', { type: 'string', describe: 'File for a page with charts' })
    .option('ringvol', { type: 'string', describe: 'Another ringvol to measure: its dist/cli/main.js [this checkout]' })

type RunArguments = ReturnType<ReturnType<typeof runOptions>['parseSync']>

const runCommand = (given: RunArguments): RunCommand => {
  const quick = given.quick
  const image = given.image ?? null
  if (image !== null && !given.yesOverwrite) {
    throw usage(`--image ${image} would be overwritten, all of it`, 'if that is meant, add --yes-overwrite')
  }
  const backends = parseNames('backend', given.backend, backendNames)
  if (image !== null && backends.includes('ext4')) {
    throw usage('--image and --backend ext4 exclude each other', 'with --image, file is your image wherever it lies')
  }
  const size = given.size === undefined ? null : parseSize(given.size, '--size')
  if (size !== null && (size < 64 * 1024 ** 2 || size % 1024 ** 2 !== 0)) {
    throw usage(`--size ${given.size ?? ''} is not a whole number of MiB from 64M up`)
  }
  const main = patterns.filter((pattern) => pattern.main).map((pattern) => pattern.name)
  const settings: Settings = {
    quick,
    rounds: given.rounds === undefined ? (quick ? 1 : 5) : (parseNumbers('rounds', given.rounds, 1000)[0] ?? 1),
    seconds: given.seconds === undefined ? (quick ? null : 3) : parseNumber('seconds', given.seconds, 0.3, 3600),
    soak: given.soak === undefined ? null : parseNumber('soak', given.soak, 0.1, 10_080),
    depths: parseDepths(given.iodepth),
    patterns: given.pattern === undefined ? main : parseNames('pattern', given.pattern, patternNames),
    targets: parseNames('target', given.target, targetNames),
    transports: parseNames('transport', given.transport, transportNames),
    backends,
    lanes: parseLanes(given.lanes),
    attach: given.attach.split(/\s+/).filter((word) => word !== ''),
    peers: given.peer === undefined ? [] : parseNames('peer', given.peer, peerNames),
    size,
    image,
  }
  return {
    command: 'run',
    settings,
    yesOverwrite: given.yesOverwrite,
    json: given.json ?? null,
    html: given.html ?? null,
    ringvol: given.ringvol ?? null,
  }
}

/** null: yargs has printed help or the version. Throws ERR_USAGE and ERR_SIZE. */
export const parseArguments = (argv: readonly string[]): Command | null => {
  let command: Command | null = null
  yargs()
    .scriptName('bench.sh')
    .usage('$0 [options]\n\nMeasures ringvol beside a plain loop device. Needs root.')
    .command('$0', false, runOptions, (given) => {
      command = runCommand(given)
    })
    .command(
      'compare <before> <after>',
      'Two result files side by side',
      (parser) =>
        parser
          .positional('before', { type: 'string', demandOption: true })
          .positional('after', { type: 'string', demandOption: true }),
      ({ before, after }) => {
        command = { command: 'compare', before, after }
      },
    )
    .command(
      'report <results>',
      'A result file as table, and with --html as a page with charts',
      (parser) =>
        parser
          .positional('results', { type: 'string', demandOption: true })
          .option('html', { type: 'string', describe: 'File for the page' }),
      ({ results, html }) => {
        command = { command: 'report', results, html: html ?? null }
      },
    )
    .command(
      'flame <stacks> <svg>',
      'What perf script printed, drawn as a flame graph',
      (parser) =>
        parser
          .positional('stacks', { type: 'string', demandOption: true })
          .positional('svg', { type: 'string', demandOption: true }),
      ({ stacks, svg }) => {
        command = { command: 'flame', stacks, svg }
      },
    )
    .example('sudo ./bench.sh --quick', 'does everything once, within 60 seconds')
    .example('sudo ./bench.sh --transport uring,classic --iodepth 1,32,1024', 'latency and throughput')
    .example('sudo ./bench.sh --backend file,null --target raw', 'the same dispatcher without storage')
    .strict()
    .version(false)
    .locale('en')
    .parserConfiguration({ 'parse-numbers': false, 'duplicate-arguments-array': false })
    .wrap(110)
    .exitProcess(false)
    .fail((message: string | null, error: Error | null) => {
      throw error ?? usage(message ?? 'wrong usage')
    })
    .parseSync([...argv])
  return command
}
