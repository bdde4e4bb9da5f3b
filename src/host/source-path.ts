/**
 * What a SOURCE says without being opened: the file it means, if it means one, and a name for its volume.
 */
import { basename, extname, resolve } from 'node:path'
import { parseSource } from '../backend/source.js'
import { RingvolError } from '../errors.js'

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** Absolute path of the image a source means, or undefined for `memory:`, `null:`, `module:` and the like. */
export const imagePath = (source: string): string | undefined => {
  const { scheme, rest } = parseSource(source)
  return scheme === 'file' ? resolve(rest) : undefined
}

/** The source as it is shown to people who stand in another folder. */
export const absoluteSource = (source: string): string => imagePath(source) ?? source

/** Throws ERR_NAME. */
export const checkName = (name: string): string => {
  if (namePattern.test(name)) return name
  throw new RingvolError('ERR_NAME', `'${name}' cannot be the name of a volume`, {
    advice: 'use letters, digits, dot, dash and underscore, at most 64, beginning with a letter or digit',
  })
}

/** `/srv/My disk.img` → `My-disk`, `memory:1G` → `memory`. */
export const nameFromSource = (source: string): string => {
  const { scheme, rest } = parseSource(source)
  const path = scheme === 'file' || scheme === 'module' ? rest : scheme
  const base = basename(path)
  const plain = base.slice(0, base.length - extname(base).length).replace(/[^A-Za-z0-9._-]+/g, '-')
  const name = plain.replace(/^[^A-Za-z0-9]+/, '').slice(0, 60)
  return name === '' ? 'volume' : name
}
