/**
 * From what a user types as SOURCE to a backend behind its checks: `disk.img`, `file:disk.img`, `memory:1G`, …
 *
 * A scheme is one row of `schemes` and, where it needs code, one file beside this one. A text without a scheme is a
 * path, so is anything whose first colon comes after a slash.
 */
import { RingvolError } from '../errors.js'
import { composeLayers } from '../layer/registry.js'
import { type Logger, silentLogger } from '../log.js'
import { formatSize, parseSize } from '../units.js'
import { type Backend } from './backend.js'
import { checked, type CheckedBackend } from './checked.js'
import { FileBackend } from './file.js'
import { MemoryBackend } from './memory.js'
import { loadModule } from './module.js'
import { suggest } from './nearest.js'
import { NullBackend } from './null.js'

export interface OpenSourceOptions {
  /** Bytes. Creates a missing image, sparse; must agree with an existing one. The size of `memory:` and `null:`. */
  readonly size?: number | undefined
  /** Default false. */
  readonly readOnly?: boolean | undefined
  /** O_DIRECT for the ring; files and block devices only. Default false. */
  readonly direct?: boolean | undefined
  /** Called when `open` has made an image; `remove` takes it back, once the backend is closed, if nobody else has it. */
  readonly onCreated?: ((remove: () => Promise<void>) => void) | undefined
  /** `NAME[:key=value,…]`, the first innermost. */
  readonly layers?: readonly string[] | undefined
  readonly logger?: Logger | undefined
  /** Default true. false: the caller's process holds the image's lock already, or nothing will be written. */
  readonly lock?: boolean | undefined
}

interface Scheme {
  /** For `--help` and error messages. */
  readonly synopsis: string
  /** The backend, not opened. `rest` is what stands behind the colon. */
  make(rest: string, options: OpenSourceOptions & { readonly logger: Logger }): Backend | Promise<Backend>
}

/** Every kind of source. Add one here and nowhere else. */
export const schemes: Readonly<Record<string, Scheme>> = {
  file: {
    synopsis: 'file:PATH',
    make: (path, options) => new FileBackend(requireRest('file', path), options),
  },
  memory: {
    synopsis: 'memory:SIZE',
    make: (rest, options) => new MemoryBackend(volatileSize('memory', rest, options), `memory:${rest}`),
  },
  null: {
    synopsis: 'null:SIZE',
    make: (rest, options) => new NullBackend(volatileSize('null', rest, options), `null:${rest}`),
  },
  module: {
    synopsis: 'module:FILE.js',
    make: (path, { size, readOnly = false, direct, logger }) => {
      refuseDirect('module', direct)
      return loadModule(requireRest('module', path), { size, readOnly, logger })
    },
  },
}

/**
 * The backend of `source` inside its layers and its checks, not yet opened: image errors, creation and the lock come
 * with `open`. Throws ERR_SOURCE, ERR_SIZE, ERR_USAGE (layers), and for `module:` what loading it throws.
 */
export const openSource = async (source: string, options: OpenSourceOptions = {}): Promise<CheckedBackend> => {
  const { scheme, rest } = parseSource(source)
  const { layers = [], readOnly = false, direct = false, logger = silentLogger } = options
  const backend = await schemeOf(scheme, source).make(rest, { ...options, logger })
  if (direct && layers.length > 0) {
    logger.warn(`${source}: a layer needs to see the bytes, so --direct has no effect`)
  }
  // The file backend honours readOnly itself, and through a layer it could no longer offer its descriptor.
  const protect = readOnly && scheme !== 'file' ? ['readonly'] : []
  return checked(composeLayers([...protect, ...layers], backend, { logger }))
}

/** What `ringvol info SOURCE` shows. */
export interface SourceDescription {
  readonly source: string
  readonly scheme: string
  /** What the bytes are taken for. Never guessed from them: an image's content is the guest's. */
  readonly format: 'raw'
  /** Bytes. */
  readonly size: number
  /** Bytes it takes where it is stored. */
  readonly allocated: number
  readonly blockSize: number
}

/** Opens `source` for reading, without its lock, so that one that is exported can be looked at. Throws as opening does. */
export const describeSource = async (source: string, logger: Logger = silentLogger): Promise<SourceDescription> => {
  const backend = await openSource(source, { readOnly: true, lock: false, logger })
  await backend.open()
  try {
    const { size, blockSize } = backend
    return {
      source,
      scheme: parseSource(source).scheme,
      format: 'raw',
      size,
      allocated: await backend.allocated(),
      blockSize,
    }
  } finally {
    await backend.close()
  }
}

/** `memory:1G` → memory, 1G; a text without a scheme is a path: file. That the scheme exists is not checked. */
export const parseSource = (source: string): { readonly scheme: string; readonly rest: string } => {
  const [, scheme = 'file', rest = source] = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(source) ?? []
  return { scheme, rest }
}

const schemeOf = (name: string, source: string): Scheme => {
  const scheme = Object.hasOwn(schemes, name) ? schemes[name] : undefined
  if (scheme !== undefined) return scheme
  throw new RingvolError('ERR_SOURCE', `unknown kind of source '${name}:' in '${source}'`, {
    advice: `${suggest(name, 'kinds', Object.keys(schemes))}; for a file of that name write './${source}'`,
  })
}

const requireRest = (name: string, rest: string): string => {
  if (rest !== '') return rest
  throw new RingvolError('ERR_SOURCE', `nothing follows '${name}:'`, {
    advice: `write ${schemes[name]?.synopsis ?? name}`,
  })
}

const refuseDirect = (name: string, direct: boolean | undefined): void => {
  if (direct !== true) return
  throw new RingvolError('ERR_USAGE', `--direct is for files and block devices, not for ${name}:`)
}

/** The size of a source that keeps nothing: from its text, from `--size`, or from both if they agree. */
const volatileSize = (name: string, rest: string, { size, direct }: OpenSourceOptions): number => {
  refuseDirect(name, direct)
  const written = rest === '' ? undefined : parseSize(rest, `size of ${name}:`)
  const bytes = written ?? size
  if (bytes === undefined) {
    throw new RingvolError('ERR_SIZE', `${name}: has no size`, { advice: `write ${name}:SIZE, such as ${name}:1G` })
  }
  if (written !== undefined && size !== undefined && written !== size) {
    throw new RingvolError('ERR_SIZE', `${name}:${rest} and --size ${formatSize(size)} disagree`, {
      advice: 'give one',
    })
  }
  if (bytes > 0 && bytes % 512 === 0) return bytes
  throw new RingvolError('ERR_SIZE', `${name}: cannot have ${String(bytes)} bytes`, {
    advice: 'a volume is a positive multiple of 512',
  })
}
