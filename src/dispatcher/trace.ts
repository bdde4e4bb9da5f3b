/**
 * A line per request and per answer, for debugging; off unless asked for.
 *
 * ```
 * rx 4711: READ s17 i2 [4096 +4096) p812   request 4711 of process 812, in slot 17: READ of inode 2, offset, bytes
 * tx s17: OK 4096b                         the request in slot 17 is answered with 4096 bytes
 * tx s17: ENOSPC                           … or with an errno
 * tx s17: read-file [4096 +4096)           … or the ring moves the bytes between slot and file, then answers
 * tx s17: no answer                        … or given back: FORGET, INTERRUPT
 * ```
 *
 * `control` and `data` are switched apart: the data path has hundreds of thousands of lines a second. The whole grammar
 * is in docs/debugging.md.
 */
import { action } from '../native/addon.js'
import { errnoName } from '../errors.js'
import { fallocateIn, inHeader, readIn, writeIn } from '../protocol/abi.js'
import type { SlotCursor } from '../protocol/slots.js'
import type { Row } from './table.js'

export type TracePlane = Row['plane']
export type TraceSink = (line: string) => void

const actionNames = new Map<number, string>(Object.entries(action).map(([name, number]) => [number, name]))
const fileActionName = (what: number): string => (actionNames.get(what) ?? '?').replace('File', '-file')

const range = (offset: number, length: number): string => ` [${String(offset)} +${String(length)})`

/** The part of a line that depends on the opcode. */
const details = (name: string, request: SlotCursor): string => {
  switch (name) {
    case 'LOOKUP':
      return ` '${request.name(0) ?? '?'}'`
    case 'READ':
      return range(request.u64(readIn.offset), request.u32(readIn.size))
    case 'WRITE':
      return range(request.u64(writeIn.offset), request.u32(writeIn.size))
    case 'FALLOCATE':
      return `${range(request.u64(fallocateIn.offset), request.u64(fallocateIn.length))} mode ${String(request.u32(fallocateIn.mode))}`
    default:
      return ''
  }
}

export class Trace {
  readonly #planes: ReadonlySet<TracePlane>
  readonly #sink: TraceSink
  /** Slots whose request was traced: its answer belongs to the same plane. */
  readonly #slots = new Set<number>()

  constructor(planes: Iterable<TracePlane>, sink: TraceSink) {
    this.#planes = new Set(planes)
    this.#sink = sink
  }

  received(row: Row, request: SlotCursor): void {
    if (!this.#planes.has(row.plane)) return
    this.#slots.add(request.slot)
    const head = `rx ${String(request.unique)}: ${row.name} s${String(request.slot)} i${String(request.nodeid)}`
    this.#sink(`${head}${details(row.name, request)} p${String(request.header(inHeader.pid))}`)
  }

  /** One action row on its way out. */
  answered(slot: number, what: number, length: number, offset: number): void {
    if (!this.#slots.delete(slot)) return
    const text =
      what === action.reply
        ? `OK ${String(length)}b`
        : what === action.error
          ? errnoName(length)
          : what === action.release
            ? 'no answer'
            : `${fileActionName(what)}${range(offset, length)}`
    this.#sink(`tx s${String(slot)}: ${text}`)
  }
}

/** `control`, `data`, or both with a comma: the value of RINGVOL_TRACE. Unknown words are ignored. */
export const parseTracePlanes = (text: string | undefined): TracePlane[] =>
  (text ?? '').split(',').filter((word): word is TracePlane => word === 'control' || word === 'data')
