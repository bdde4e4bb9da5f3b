/**
 * The options of a layer, `key=value,key=value`, read by a table of one parser per key.
 *
 * A wrong option must never be ignored: a test that injects no error because of a typing mistake would pass.
 */
import { constants } from 'node:os'
import { nearest, suggest } from '../backend/nearest.js'
import { RingvolError } from '../errors.js'
import { parseSize } from '../units.js'

/** Reads one value; `what` names it in errors, such as `layer error: nth`. */
export type OptionParser<T> = (text: string, what: string) => T
type Parsed<Table> = { readonly [Key in keyof Table]?: Table[Key] extends OptionParser<infer T> ? T : never }

const wrong = (what: string, text: string, expected: string): RingvolError =>
  new RingvolError('ERR_USAGE', `${what}='${text}' is not ${expected}`)

/** Anything but nothing. */
export const text: OptionParser<string> = (value, what) => {
  if (value === '') throw wrong(what, value, 'a text')
  return value
}

export const oneOf =
  <T extends string>(...names: readonly T[]): OptionParser<T> =>
  (value, what) => {
    const name = names.find((candidate) => candidate === value)
    if (name !== undefined) return name
    throw new RingvolError('ERR_USAGE', `${what}='${value}' is unknown`, { advice: suggest(value, 'values', names) })
  }

export const integer =
  (least: number, most: number): OptionParser<number> =>
  (value, what) => {
    const number = /^\d+$/.test(value) ? Number(value) : NaN
    if (number >= least && number <= most) return number
    throw wrong(what, value, `a whole number from ${String(least)} to ${String(most)}`)
  }

/** 0 to 1, as `0.01` or `1%`. */
export const fraction: OptionParser<number> = (value, what) => {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(value)
  const number = match === null ? NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1)
  if (number >= 0 && number <= 1) return number
  throw wrong(what, value, 'a probability from 0 to 1, or 0% to 100%')
}

/** Bytes: `512`, `64K`. */
export const size: OptionParser<number> = (value, what) => parseSize(value, what)

/** `ENOSPC` → 28 */
export const errno: OptionParser<number> = (value, what) => {
  const number = Object.entries(constants.errno).find(([name]) => name === value)?.[1]
  if (number !== undefined) return number
  throw new RingvolError('ERR_USAGE', `${what}='${value}' is not the name of an error`, {
    advice: `did you mean '${nearest(value, Object.keys(constants.errno)) ?? 'EIO'}'? errno(3) lists them`,
  })
}

/**
 * `parseOptions('delay', 'op=read,ms=5', { op: oneOf('read', 'write'), ms: integer(0, 1000) })` → `{ op: 'read', ms: 5 }`.
 * Throws ERR_USAGE for a key that is unknown, twice there or without a value, and what the key's parser throws.
 */
export const parseOptions = <Table extends Record<string, OptionParser<unknown>>>(
  layer: string,
  options: string,
  table: Table,
): Parsed<Table> => {
  const values: Record<string, unknown> = {}
  for (const part of options === '' ? [] : options.split(',')) {
    const equals = part.indexOf('=')
    const key = equals < 0 ? part : part.slice(0, equals)
    const parser = Object.hasOwn(table, key) ? table[key] : undefined
    if (parser === undefined) {
      const keys = Object.keys(table)
      const advice = keys.length === 0 ? 'it has none' : suggest(key, 'options', keys)
      throw new RingvolError('ERR_USAGE', `layer ${layer}: unknown option '${key}'`, { advice })
    }
    if (equals < 0)
      throw new RingvolError('ERR_USAGE', `layer ${layer}: option '${key}' has no value`, { advice: `write ${key}=…` })
    if (key in values) throw new RingvolError('ERR_USAGE', `layer ${layer}: option '${key}' is there twice`)
    values[key] = parser(part.slice(equals + 1), `layer ${layer}: ${key}`)
  }
  return values as Parsed<Table>
}
