/**
 * Every option of the command line, once: its default, help, config file key, environment variable and manual entry
 * all come from its row here.
 *
 * Values arrive as text whatever their origin (argument, file, environment) and are read by the row's `parse`, so that
 * one mistake gets one message.
 */
import { nearest } from '../backend/nearest.js'
import { RingvolError } from '../errors.js'
import type { LogFormat } from '../log.js'
import { transportNames, type TransportName } from '../transport/transport.js'
import { parseSize } from '../units.js'

interface Common {
  /** One line for `--help`. */
  readonly describe: string
  /** More for the manual: unit, bounds, which setting of the kernel also limits it. */
  readonly detail?: string
  readonly alias?: string
  /** May stand in a config file and in the environment; default true. */
  readonly configurable?: false
}

interface FlagRow extends Common {
  readonly kind: 'flag'
}
interface CountRow extends Common {
  readonly kind: 'count'
}
interface ListRow extends Common {
  readonly kind: 'list'
  readonly argument: string
}
interface ValueRow<T> extends Common {
  readonly kind: 'value'
  /** Stands for the value in help: `SIZE`. */
  readonly argument: string
  /** The default, as a user would write it. */
  readonly fallback?: string
  /** Said in help where the default is not a value: `from the source's name`. */
  readonly fallbackText?: string
  readonly parse: (text: string) => T
}
export type OptionRow = FlagRow | CountRow | ListRow | ValueRow<unknown>

const value = <T>(row: Omit<ValueRow<T>, 'kind'>): ValueRow<T> => ({ kind: 'value', ...row })
const valueWithDefault = <T>(
  row: Omit<ValueRow<T>, 'kind'> & { fallback: string },
): ValueRow<T> & { fallback: string } => ({ kind: 'value', ...row })

const wrong = (option: string, text: string, wanted: string): RingvolError =>
  new RingvolError('ERR_USAGE', `--${option} cannot be '${text}'`, { advice: `give ${wanted}` })

const oneOf =
  <T extends string>(option: string, names: readonly T[]) =>
  (text: string): T => {
    const found = names.find((name) => name === text)
    if (found !== undefined) return found
    const near = nearest(text, names)
    throw new RingvolError('ERR_USAGE', `--${option} '${text}' is unknown`, {
      advice: `${near === undefined ? '' : `did you mean '${near}'? `}choose ${names.join(', ')}`,
    })
  }

const integer =
  (option: string, least: number, most: number) =>
  (text: string): number => {
    const number = Number(text)
    if (/^\d+$/.test(text) && number >= least && number <= most) return number
    throw wrong(option, text, `a whole number from ${String(least)} to ${String(most)}`)
  }

const integerOrAuto = (option: string, least: number, most: number): ((text: string) => number | 'auto') => {
  const parse = integer(option, least, most)
  return (text) => (text === 'auto' ? 'auto' : parse(text))
}

const secondsOrOff = (option: string): ((text: string) => number | 'off') => {
  const parse = integer(option, 1, 86_400)
  return (text) => (text === 'off' || text === '0' ? 'off' : parse(text))
}

const volumeSize = (text: string): number => {
  const bytes = parseSize(text, '--size')
  if (bytes > 0 && bytes % 512 === 0) return bytes
  throw new RingvolError('ERR_SIZE', `--size '${text}' is not a multiple of 512 bytes above 0`, {
    advice: 'block devices consist of sectors of 512 bytes; choose the next multiple',
  })
}

const requestSize = (text: string): number => {
  const bytes = parseSize(text, '--max-io')
  if (bytes >= 4096 && bytes <= 16 * 1024 ** 2 && bytes % 4096 === 0) return bytes
  throw new RingvolError('ERR_SIZE', `--max-io '${text}' is not a multiple of 4K from 4K to 16M`, {
    advice: 'leave it away for 1M',
  })
}

const permissions = (text: string): number => {
  if (/^0?[0-7]{1,3}$/.test(text)) return parseInt(text, 8)
  throw wrong('mode', text, 'an octal mode such as 0640')
}

const sectorSize = (text: string): number => Number(oneOf('sector-size', ['512', '4096'])(text))
const account = (option: string): ((text: string) => number) => integer(option, 0, 4_294_967_294)
const plain = (text: string): string => text

export const options = {
  name: value({
    argument: 'NAME',
    describe: 'name in `list` and in the run directory',
    fallbackText: "the source's name",
    parse: plain,
    detail:
      'Letters, digits, dot, dash and underscore, at most 64, a letter or digit first. A name taken from the source gets a number behind it ' +
      'if it is taken; one given here does not.',
  }),
  size: value({
    argument: 'SIZE',
    describe: 'create the image, sparse, if it does not exist',
    parse: volumeSize,
    detail:
      'A multiple of 512. An existing image of another size is refused. Sizes: 512, 64K, 10G, 1T (powers of 1024).',
  }),
  'read-only': {
    kind: 'flag',
    describe: 'volume and loop device read-only',
    detail: 'Writes get EROFS. The image is opened for reading and locked shared, so several may read it.',
  },
  transport: valueWithDefault({
    argument: 'NAME',
    fallback: 'auto',
    describe: `one of auto, ${transportNames.join(', ')}`,
    parse: oneOf<TransportName | 'auto'>('transport', ['auto', ...transportNames]),
    detail:
      '`auto` takes the best one that works here, and says why. A transport named here is taken or, if it is not ' +
      'available, refused with exit status 3 and the reason.',
  }),
  lanes: valueWithDefault({
    argument: 'N|auto',
    fallback: 'auto',
    describe: 'threads that serve the volume',
    parse: integerOrAuto('lanes', 1, 1024),
    detail:
      'From 1 to 1024; auto is 1. At most one per CPU with uring, 16 with the others, 1 for a source without a file; ' +
      'a warning says so.',
  }),
  'queue-depth': valueWithDefault({
    argument: 'N|auto',
    fallback: 'auto',
    describe: 'slots per kernel queue',
    parse: integerOrAuto('queue-depth', 1, 4096),
    detail:
      'From 1 to 4096, and at most 16384 divided by the possible CPUs, or 4G of slots in a lane; auto is 32. Each slot takes `--max-io` of ' +
      'address space, and memory as far as requests use it; when all are in use, the kernel waits.',
  }),
  'max-io': valueWithDefault({
    argument: 'SIZE',
    fallback: '1M',
    describe: 'largest request',
    parse: requestSize,
    detail: 'A multiple of 4K from 4K to 16M. The kernel also bounds it by the sysctl fs.fuse.max_pages_limit.',
  }),
  'request-timeout': valueWithDefault({
    argument: 'SECONDS|off',
    fallback: 'off',
    describe: 'end the volume if a request takes longer, in seconds',
    parse: secondsOrOff('request-timeout'),
    detail:
      'From 1 to 86400. Whoever waits then gets an error, the daemon ends with exit status 1, and the image stays ' +
      'locked until what was begun has ended. Off by default, because the flush of a large cache to a slow disk may ' +
      'rightly take minutes. Kept below the sysctls fs.fuse.default_request_timeout and max_request_timeout.',
  }),
  watchdog: valueWithDefault({
    argument: 'SECONDS|off',
    fallback: '60',
    describe: 'abort the connection if a serving thread stands still that many seconds',
    parse: secondsOrOff('watchdog'),
    detail:
      'From 1 to 86400. Acts only while requests wait. A daemon that is stopped as a whole, by SIGSTOP or a debugger, ' +
      'is not covered, since its watchdog is stopped too: see `detach --force`.',
  }),
  direct: { kind: 'flag', describe: 'open the image with O_DIRECT, past the page cache' },
  layer: {
    kind: 'list',
    argument: 'NAME[:OPTIONS]',
    describe: 'wrap the source; repeatable, first named innermost',
    detail: 'In the environment, several are separated by spaces.',
  },
  'sector-size': value({
    argument: 'BYTES',
    fallbackText: '512',
    describe: 'logical block size of the loop device, 512 or 4096',
    parse: sectorSize,
  }),
  'allow-other': {
    kind: 'flag',
    describe: 'let other users reach the volume, as its mode permits',
    detail: 'The kernel then checks mode, uid and gid (default_permissions).',
  },
  mode: value({
    argument: 'MODE',
    fallbackText: '0600',
    describe: 'permissions of the volume, octal',
    parse: permissions,
    detail: 'Without write permission where the volume is read-only.',
  }),
  uid: value({ argument: 'UID', fallbackText: 'yours', describe: 'owner of the volume', parse: account('uid') }),
  gid: value({ argument: 'GID', fallbackText: 'yours', describe: 'group of the volume', parse: account('gid') }),
  config: value({
    argument: 'FILE',
    describe: 'take options from a JSON file',
    configurable: false,
    parse: plain,
    detail:
      'One object, keys as on the command line: `{ "transport": "uring", "read-only": true }`. Arguments come ' +
      'before the environment, the environment before the file.',
  }),
  force: {
    kind: 'flag',
    describe: 'kill the daemon instead of waiting for its last flush',
    configurable: false,
  },
  all: { kind: 'flag', describe: 'every volume of this machine', configurable: false },
  to: value({
    argument: 'N',
    describe: 'stop behind this entry of the log',
    fallbackText: 'the last one',
    configurable: false,
    parse: integer('to', 0, Number.MAX_SAFE_INTEGER),
  }),
  'to-mark': value({
    argument: 'TEXT',
    describe: 'stop at the first mark of this text',
    configurable: false,
    parse: plain,
    detail: 'Marks are what `--layer record:file=LOG,marks=FILE` found in FILE, and messages of dm-log-writes.',
  }),
  from: valueWithDefault({
    argument: 'N',
    fallback: '0',
    describe: 'the image is in the state after this entry',
    configurable: false,
    parse: integer('from', 0, Number.MAX_SAFE_INTEGER),
  }),
  list: { kind: 'flag', describe: 'show the entries instead of replaying them', configurable: false },
  json: { kind: 'flag', describe: 'JSON on stdout', configurable: false },
  fix: { kind: 'flag', describe: 'repair what can be repaired, after saying so', configurable: false },
  verbose: { kind: 'count', alias: 'v', describe: 'say more on stderr; twice: still more', configurable: false },
  quiet: { kind: 'flag', alias: 'q', describe: 'say nothing on stderr but errors', configurable: false },
  'log-format': value({
    argument: 'FORMAT',
    fallbackText: 'text on a terminal, else json',
    describe: 'format of what is said on stderr: text or json',
    parse: oneOf<LogFormat>('log-format', ['text', 'json']),
  }),
} as const satisfies Record<string, OptionRow>

export type OptionName = keyof typeof options
export const optionNames = Object.keys(options) as OptionName[]

/** What describes a volume: the options of `serve`, which `attach` and `run` pass on to it. */
export const serveOptions = [
  'name',
  'size',
  'read-only',
  'transport',
  'lanes',
  'queue-depth',
  'max-io',
  'request-timeout',
  'watchdog',
  'direct',
  'layer',
  'allow-other',
  'mode',
  'uid',
  'gid',
] as const satisfies readonly OptionName[]

/** Options of every command. */
export const commonOptions = ['verbose', 'quiet', 'log-format'] as const satisfies readonly OptionName[]

type SettingOf<R> = R extends { kind: 'flag' }
  ? boolean
  : R extends { kind: 'count' }
    ? number
    : R extends { kind: 'list' }
      ? readonly string[]
      : R extends { parse: (text: string) => infer T; fallback: string }
        ? T
        : R extends { parse: (text: string) => infer T }
          ? T | undefined
          : never

/** Parsed options. Those that a command does not have stand at their defaults. */
export type Settings = { readonly [N in OptionName]: SettingOf<(typeof options)[N]> }

/** Options as they were given, wherever: text, or true and false for flags. Defaults are not in it. */
export type Given = Readonly<Partial<Record<OptionName, string | boolean | number | readonly string[]>>>

const parseRow = (row: OptionRow, given: Given[OptionName]): unknown => {
  switch (row.kind) {
    case 'flag':
      return given === true
    case 'count':
      return Number(given ?? 0)
    case 'list':
      return given ?? []
    case 'value': {
      const text = given ?? row.fallback
      return text === undefined ? undefined : row.parse(String(text))
    }
  }
}

/** Throws ERR_USAGE, ERR_SIZE. */
export const parseSettings = (given: Given): Settings =>
  Object.fromEntries(optionNames.map((name) => [name, parseRow(options[name], given[name])])) as unknown as Settings

/** The arguments that give these options again, to another command. */
export const renderArguments = (given: Given, names: readonly OptionName[]): string[] =>
  names.flatMap((name) => {
    const item = given[name]
    if (item === undefined) return []
    if (typeof item === 'boolean') return [item ? `--${name}` : `--no-${name}`]
    return (typeof item === 'object' ? item : [item]).map((text) => `--${name}=${String(text)}`)
  })
