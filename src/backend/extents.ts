/**
 * Questions about extents that take more than one call, because one `extents` answer may stop early.
 */
import { type Backend, type Extent } from './backend.js'

/** Extents of the whole range, pieces of one kind joined; as a generator, so that nobody holds those of a huge volume. */
export async function* everyExtent(backend: Backend, offset: number, length: number): AsyncGenerator<Extent, void> {
  let last: Extent | undefined
  for (let position = offset; position < offset + length;) {
    const extents = await extentsOf(backend, position, offset + length - position)
    for (const extent of extents) {
      if (last?.kind === extent.kind) {
        last = { ...last, length: last.length + extent.length }
      } else {
        if (last !== undefined) yield last
        last = extent
      }
      position += extent.length
    }
  }
  if (last !== undefined) yield last
}

/**
 * What lseek answers for SEEK_DATA and SEEK_HOLE at `offset`: the first position at or after it that is data (or is
 * none). The end of the volume counts as a hole; undefined is ENXIO, no data from here on, or `offset` not inside.
 */
export const seekExtent = async (
  backend: Backend,
  offset: number,
  wanted: 'data' | 'hole',
): Promise<number | undefined> => {
  if (offset >= backend.size) return undefined
  for (let position = offset; position < backend.size;) {
    const extents = await extentsOf(backend, position, backend.size - position)
    for (const extent of extents) {
      if ((extent.kind === 'data') === (wanted === 'data')) return extent.offset
      position += extent.length
    }
  }
  return wanted === 'hole' ? backend.size : undefined
}

const extentsOf = (backend: Backend, offset: number, length: number): Extent[] | Promise<Extent[]> =>
  backend.can.extents && backend.extents !== undefined
    ? backend.extents(offset, length)
    : [{ offset, length, kind: 'data' }]
