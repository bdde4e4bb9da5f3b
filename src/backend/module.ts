/**
 * A backend from a file of the user's: `module:./backend.js`.
 *
 * The default export is a backend, or a factory that is given the options and makes one. Nothing else is guessed: what
 * is missing is named, because the author of a backend meets this error first.
 */
import { access } from 'node:fs/promises'
import { constants } from 'node:os'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { errnoName, errnoOf, RingvolError } from '../errors.js'
import { type Logger } from '../log.js'
import { type Backend } from './backend.js'

/** What a factory is given. */
export interface ModuleOptions {
  /** Bytes asked for with `--size`, or undefined. */
  readonly size?: number | undefined
  readonly readOnly: boolean
  readonly logger: Logger
}

export type BackendFactory = (options: ModuleOptions) => Backend | Promise<Backend>

const requiredMethods = ['open', 'read', 'write', 'close'] as const

/**
 * Loads `path` (relative: to the working directory) and makes the backend; it is not opened. Throws ERR_IMAGE_MISSING
 * without such a file, ERR_SOURCE when it does not load or what it exports is not a backend, and what its factory
 * throws: a RingvolError as it is, anything else as ERR_BACKEND.
 */
export const loadModule = async (path: string, options: ModuleOptions): Promise<Backend> => {
  const exported = await importDefault(path)
  const made: unknown = typeof exported === 'function' ? await callFactory(path, exported, options) : exported
  const missing = missingMembers(made)
  if (missing.length === 0) return made as Backend
  const origin = typeof exported === 'function' ? 'what its factory returned' : 'its default export'
  throw new RingvolError('ERR_SOURCE', `module:${path}: ${origin} is not a backend: missing ${missing.join(', ')}`, {
    path,
    advice: 'docs/backends.md starts with a complete one in 20 lines',
  })
}

/** Names of what `candidate` lacks to be a backend; `size`, `blockSize` and `can` may appear only with `open`. */
export const missingMembers = (candidate: unknown): string[] => {
  if (typeof candidate !== 'object' || candidate === null) return ['everything (it is not an object)']
  const members = candidate as Record<string, unknown>
  const missing = requiredMethods.filter((name) => typeof members[name] !== 'function').map((name) => `${name}()`)
  return typeof members['name'] === 'string' ? missing : ['name', ...missing]
}

const importDefault = async (path: string): Promise<unknown> => {
  const file = resolve(path)
  try {
    await access(file)
  } catch (cause) {
    const errno = errnoOf(cause) ?? constants.errno.ENOENT
    throw new RingvolError('ERR_IMAGE_MISSING', `module:${path}: there is no file ${file}: ${errnoName(errno)}`, {
      path,
      errno,
      cause,
    })
  }
  let loaded: Record<string, unknown>
  try {
    loaded = (await import(pathToFileURL(file).href)) as Record<string, unknown>
  } catch (cause) {
    throw loadError(path, cause)
  }
  const exported = throughCommonJs(loaded['default'])
  if (exported !== undefined) return exported
  const names = Object.keys(loaded).join(', ')
  throw new RingvolError(
    'ERR_SOURCE',
    `module:${path}: no default export (it exports ${names === '' ? 'nothing' : names})`,
    {
      path,
      advice: 'export default a backend, or a function that makes one',
    },
  )
}

/** `export default` compiled to CommonJS arrives as the `default` of the module's `default`. */
const throughCommonJs = (exported: unknown): unknown => {
  if (typeof exported !== 'object' || exported === null || !('__esModule' in exported)) return exported
  return (exported as { default?: unknown }).default
}

const loadError = (path: string, cause: unknown): RingvolError => {
  const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)
  const { code } = (cause ?? {}) as { code?: unknown }
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') {
    return new RingvolError(
      'ERR_SOURCE',
      `module:${path}: this Node (${process.version}) loads no such file: ${reason}`,
      {
        path,
        advice: 'compile it to JavaScript, or run a Node that strips types (22.18 and later)',
        cause,
      },
    )
  }
  return new RingvolError('ERR_SOURCE', `module:${path}: it does not load: ${reason}`, { path, cause })
}

const callFactory = async (path: string, factory: unknown, options: ModuleOptions): Promise<unknown> => {
  try {
    return await (factory as BackendFactory)(options)
  } catch (cause) {
    if (cause instanceof RingvolError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    const isClass = /^class\b/.test(Function.prototype.toString.call(factory))
    throw new RingvolError('ERR_BACKEND', `module:${path}: its factory threw: ${reason}`, {
      path,
      ...(isClass ? { advice: 'a class needs a factory: export default (options) => new MyBackend(options)' } : {}),
      cause,
    })
  }
}
