/**
 * Refuses whatever would change the volume, by taking the capability away; the checks around the stack do the rest.
 */
import { type Capabilities } from '../backend/backend.js'
import { ForwardLayer } from './forward.js'
import { parseOptions } from './options.js'
import { type LayerMaker } from './registry.js'

class ReadonlyLayer extends ForwardLayer {
  override get can(): Capabilities {
    const { extents, lanes } = this.next.can
    return { write: false, flush: false, trim: false, zero: false, extents, lanes }
  }
}

export const readonlyLayer: LayerMaker = (options) => {
  parseOptions('readonly', options, {})
  return (next) => new ReadonlyLayer(next)
}
