/**
 * The layers that `--layer NAME[:key=value,…]` knows: one row each, and one file beside this one.
 */
import { type Backend, type Layer } from '../backend/backend.js'
import { suggest } from '../backend/nearest.js'
import { RingvolError } from '../errors.js'
import { type Logger } from '../log.js'
import { checkwriteLayer } from './checkwrite.js'
import { delayLayer } from './delay.js'
import { errorLayer } from './error.js'
import { logLayer } from './log.js'
import { pauseLayer } from './pause.js'
import { rateLayer } from './rate.js'
import { readonlyLayer } from './readonly.js'
import { recordLayer } from './record.js'

export interface LayerContext {
  readonly logger: Logger
}

/** Reads the options, so that a wrong one fails before anything is opened. Throws ERR_USAGE. */
export type LayerMaker = (options: string, context: LayerContext) => Layer

interface LayerRow {
  readonly synopsis: string
  readonly help: string
  readonly make: LayerMaker
}

export const layers: Readonly<Record<string, LayerRow>> = {
  checkwrite: {
    synopsis: 'checkwrite[:readback=yes]',
    help: 'remembers checksums of what is written, and answers EIO when something else is read',
    make: checkwriteLayer,
  },
  delay: {
    synopsis: 'delay:ms=N[,op=OP]',
    help: 'a slow disk: holds requests back for N milliseconds',
    make: delayLayer,
  },
  error: {
    synopsis: 'error[:op=OP,errno=NAME,nth=N|probability=P,offset=SIZE,length=SIZE,while=FILE,signal=NAME,seed=N]',
    help: 'a failing disk: answers requests with an error instead of passing them on',
    make: errorLayer,
  },
  log: {
    synopsis: 'log',
    help: 'a line per request at debug level',
    make: logLayer,
  },
  pause: {
    synopsis: 'pause:while=FILE|signal=NAME[,op=OP]',
    help: 'a disk that stops answering: holds requests while a file exists, or from one signal to the next',
    make: pauseLayer,
  },
  rate: {
    synopsis: 'rate:bytes=SIZE|ops=N[,op=OP]',
    help: 'a narrow disk: so many bytes or requests a second',
    make: rateLayer,
  },
  readonly: {
    synopsis: 'readonly',
    help: 'refuses whatever would change the volume',
    make: readonlyLayer,
  },
  record: {
    synopsis: 'record:file=LOG[,marks=FILE]',
    help: 'writes a log of every change, for `ringvol replay`',
    make: recordLayer,
  },
}

/** `error:op=write,nth=3` → layer. Throws ERR_USAGE. */
export const parseLayer = (spec: string, context: LayerContext): Layer => {
  const colon = spec.indexOf(':')
  const name = colon < 0 ? spec : spec.slice(0, colon)
  const row = Object.hasOwn(layers, name) ? layers[name] : undefined
  if (row !== undefined) return row.make(colon < 0 ? '' : spec.slice(colon + 1), context)
  throw new RingvolError('ERR_USAGE', `unknown layer '${name}'`, {
    advice: suggest(name, 'layers', Object.keys(layers)),
  })
}

/** `backend` inside the layers, the first of `specs` innermost. */
export const composeLayers = (specs: readonly string[], backend: Backend, context: LayerContext): Backend =>
  specs.map((spec) => parseLayer(spec, context)).reduce((next, layer) => layer(next), backend)
