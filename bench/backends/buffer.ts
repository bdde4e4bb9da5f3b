/**
 * The smallest backend that holds data: one Buffer that requests are copied from and to. What it costs beside `null:`
 * is the copy, and what everything else costs is what any backend written in TypeScript pays, so its figures are the
 * ceiling for those.
 *
 * `ringvol attach module:dist/bench/bench/backends/buffer.js --size 1G`
 */
import { RingvolError } from '../../src/errors.js'
import type { Backend } from '../../src/backend/backend.js'

const makeBackend = ({ size }: { readonly size?: number }): Backend => {
  if (size === undefined)
    throw new RingvolError('ERR_SIZE', 'the buffer backend has no size', { advice: 'give --size' })
  const blocks = Buffer.alloc(size)
  return {
    name: `buffer:${String(size)}`,
    size,
    blockSize: 4096,
    can: { write: true, flush: false, trim: false, zero: false, extents: false, lanes: false },
    open: async () => {
      // The Buffer is there.
    },
    read: (target, offset) => {
      blocks.copy(target, 0, offset, offset + target.length)
    },
    write: (source, offset) => {
      source.copy(blocks, offset)
    },
    close: async () => {
      // It goes with the process.
    },
  }
}

export default makeBackend
