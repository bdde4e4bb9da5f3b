/**
 * A volume in memory: what each operation must answer, and what a read must find. docs/protocol.md is the reference.
 */
import { constants } from 'node:os'
import { crc32 } from 'node:zlib'
import { fillPattern, type Ground, type Operation } from './operation.js'

export interface Expected {
  /** A count of bytes, or an error number with a minus; of a read also a checksum: `512/1a2b3c4d`. */
  readonly answer: string
  /** What a read must find. */
  readonly bytes?: Buffer
}

const failure = (name: 'ENOSPC' | 'EINVAL'): Expected => ({ answer: String(-constants.errno[name]) })

export class Model {
  readonly bytes: Buffer
  readonly #target: Ground['target']

  constructor({ target, size }: Pick<Ground, 'target' | 'size'>) {
    this.bytes = Buffer.alloc(size)
    this.#target = target
  }

  /** Does it, and says what the volume must answer. */
  apply({ verb, offset, length, stamp }: Operation): Expected {
    const size = this.bytes.length
    const range = this.bytes.subarray(offset, offset + length)
    switch (verb) {
      case 'read':
      case 'mapread':
        return {
          answer: `${String(range.length)}/${crc32(range).toString(16).padStart(8, '0')}`,
          bytes: Buffer.from(range),
        }
      case 'write':
      case 'mapwrite':
        // The volume never grows: what fits is stored, and nothing fits behind the end.
        if (offset >= size) return failure('ENOSPC')
        fillPattern(range, offset, stamp)
        return { answer: String(range.length) }
      case 'punch':
      case 'zero':
        // A file takes ranges beyond its end and does nothing there; a block device refuses them.
        if (this.#target === 'loop' && offset + length > size) return failure('EINVAL')
        range.fill(0)
        return { answer: '0' }
      case 'allocate':
        return offset + length > size ? failure('ENOSPC') : { answer: '0' }
      case 'fsync':
      case 'drop':
      case 'reopen':
      case 'reattach':
        return { answer: '0' }
    }
  }
}

export interface Difference {
  readonly offset: number
  readonly expected: number
  readonly got: number
  /** How many bytes differ from there on. */
  readonly bytes: number
}

/** Where two equally long pieces of a volume begin to differ; the first byte of both is at `base`. */
export const firstDifference = (expected: Buffer, got: Buffer, base: number): Difference | undefined => {
  let bytes = 0
  let first: number | undefined
  for (let index = 0; index < expected.length; index++) {
    if (expected[index] === got[index]) continue
    first ??= index
    bytes++
  }
  if (first === undefined) return undefined
  return { offset: base + first, expected: expected[first] ?? -1, got: got[first] ?? -1, bytes }
}

export const describeDifference = ({ offset, expected, got, bytes }: Difference): string =>
  `at offset ${String(offset)} expected byte ${String(expected)}, got ${String(got)}; ${String(bytes)} bytes differ`
