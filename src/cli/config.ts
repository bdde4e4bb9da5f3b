/**
 * Options from a file and from the environment, read into the same form as those of the command line.
 *
 * A key that no option has is refused in the file, where it can only be a mistake; in the environment it may be
 * somebody else's variable, so it is left alone.
 */
import { closeSync, fstatSync, openSync, readFileSync, realpathSync, statSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { suggest } from '../backend/nearest.js'
import { errnoName, errnoOf, RingvolError } from '../errors.js'
import { optionNames, options, type Given, type OptionName, type OptionRow } from './options.js'

const configurable = optionNames.filter((name) => !('configurable' in options[name]))

/** `queue-depth` → `RINGVOL_QUEUE_DEPTH` */
export const variableOf = (name: string): string => `RINGVOL_${name.toUpperCase().replaceAll('-', '_')}`

const switches: Readonly<Record<string, boolean>> = {
  '1': true,
  true: true,
  yes: true,
  on: true,
  '0': false,
  false: false,
  no: false,
  off: false,
}

const fromText = (name: OptionName, text: string): Given[OptionName] => {
  const row: OptionRow = options[name]
  if (row.kind === 'list') return text.split(/\s+/).filter((item) => item !== '')
  if (row.kind !== 'flag') return text
  const on = switches[text.toLowerCase()]
  if (on !== undefined) return on
  throw new RingvolError('ERR_USAGE', `${variableOf(name)} '${text}' is neither yes nor no`, { advice: 'write 1 or 0' })
}

/** Throws ERR_USAGE. An empty variable counts as absent. */
export const fromEnvironment = (environment: NodeJS.ProcessEnv): Given =>
  Object.fromEntries(
    configurable.flatMap((name) => {
      const text = environment[variableOf(name)]
      return text === undefined || text === '' ? [] : [[name, fromText(name, text)]]
    }),
  )

const checkItem = (path: string, name: string, item: unknown): Given[OptionName] => {
  const refuse = (wanted: string): RingvolError =>
    new RingvolError('ERR_USAGE', `${path}: '${name}' is ${JSON.stringify(item)}`, { path, advice: `write ${wanted}` })
  const row = configurable.includes(name as OptionName) ? (options[name as OptionName] as OptionRow) : undefined
  if (row === undefined) {
    throw new RingvolError('ERR_USAGE', `${path}: unknown option '${name}'`, {
      path,
      advice: suggest(name, 'options', configurable),
    })
  }
  if (row.kind === 'flag') {
    if (typeof item !== 'boolean') throw refuse('true or false')
    return item
  }
  if (row.kind === 'list') {
    if (!Array.isArray(item) || !item.every((one): one is string => typeof one === 'string')) {
      throw refuse('a list of strings')
    }
    return item
  }
  if (typeof item !== 'string' && typeof item !== 'number') throw refuse('a string or a number')
  return String(item)
}

/** Throws ERR_USAGE. */
export const parseConfig = (path: string, text: string): Given => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new RingvolError('ERR_USAGE', `${path} is not JSON: ${reason}`, { path, cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RingvolError('ERR_USAGE', `${path} does not hold an object`, {
      path,
      advice: 'write { "option": value }',
    })
  }
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, checkItem(path, name, item)]))
}

const refuseWritable = (path: string, { mode, uid }: Stats, config: string): void => {
  const what = path === config ? path : `${config} lies in ${path}, which`
  // Whoever ran us through sudo could become root in other ways.
  if (uid !== 0 && String(uid) !== process.env['SUDO_UID']) {
    throw new RingvolError('ERR_USAGE', `${what} belongs to user ${String(uid)}`, {
      path,
      advice: `run 'chown root ${path}', or use a file of root's`,
    })
  }
  if ((mode & 0o022) === 0) return
  throw new RingvolError('ERR_USAGE', `${what} may be written by others`, { path, advice: `run 'chmod go-w ${path}'` })
}

/** In a directory like /tmp, which is sticky, others cannot replace what is not theirs. */
const isSticky = ({ mode }: Stats): boolean => (mode & 0o1000) !== 0

const readSafely = (path: string): string => {
  const fd = openSync(path, 'r')
  try {
    if (process.geteuid?.() === 0) {
      const directory = dirname(realpathSync(path))
      const around = statSync(directory)
      if (!isSticky(around)) refuseWritable(directory, around, path)
      refuseWritable(path, fstatSync(fd), path)
    }
    return readFileSync(fd, 'utf8')
  } finally {
    closeSync(fd)
  }
}

/**
 * Throws ERR_USAGE; also for a file that others may write or replace when we are root, since it would let them choose
 * what root opens (`module:` runs code).
 */
export const readConfig = (path: string): Given => {
  try {
    return parseConfig(path, readSafely(path))
  } catch (error) {
    if (error instanceof RingvolError) throw error
    const reason = errnoName(errnoOf(error) ?? 0)
    throw new RingvolError('ERR_USAGE', `cannot read the config file ${path}: ${reason}`, { path, cause: error })
  }
}
