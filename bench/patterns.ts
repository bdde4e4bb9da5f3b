/**
 * The access patterns, one row each. A new pattern is a new row.
 *
 * `area` is the half of the target that a pattern may touch: the read half holds checkable data and is never written
 * while it is timed, the write half takes whatever is written to it (verify.ts reads both afterwards).
 */

export interface Pattern {
  readonly name: string
  /** fio's rw= */
  readonly rw: 'read' | 'randread' | 'write' | 'randwrite' | 'randrw'
  /** fio's bs= */
  readonly blockSize: string
  readonly engine: 'libaio' | 'vsync'
  readonly area: 'read' | 'write'
  /** Depth that belongs to the pattern; without it the pattern runs at every depth asked for. */
  readonly depth?: number
  /** Run when no --pattern is given. */
  readonly main: boolean
  readonly about: string
}

/** Depth of the jobs with large blocks. */
const bulkDepth = 32
const streamSizes = ['128k', '256k', '512k', '1m'] as const

const libaio = { blockSize: '4k', engine: 'libaio', main: true } as const
const extra = { engine: 'libaio', main: false } as const

const stream = (rw: 'read' | 'write', blockSize: string): Pattern => ({
  name: `seq-${rw}-${blockSize}`,
  rw,
  area: rw,
  blockSize,
  depth: bulkDepth,
  about: `a stream of ${rw}s of ${blockSize}`,
  ...extra,
})

export const patterns: readonly Pattern[] = [
  { name: 'seq-read', rw: 'read', area: 'read', about: '4 KiB, one after the other', ...libaio },
  { name: 'rand-read', rw: 'randread', area: 'read', about: '4 KiB, anywhere', ...libaio },
  { name: 'seq-write', rw: 'write', area: 'write', about: '4 KiB, one after the other', ...libaio },
  { name: 'rand-write', rw: 'randwrite', area: 'write', about: '4 KiB, anywhere', ...libaio },
  {
    name: 'rand-read-32k',
    rw: 'randread',
    area: 'read',
    blockSize: '32k',
    depth: 4,
    about: 'a key-value store reads',
    ...extra,
  },
  {
    name: 'rand-write-32k',
    rw: 'randwrite',
    area: 'write',
    blockSize: '32k',
    depth: 4,
    about: 'a key-value store writes',
    ...extra,
  },
  { name: 'mixed-4k', rw: 'randrw', area: 'write', blockSize: '4k', about: '4 KiB, half each, anywhere', ...extra },
  {
    name: 'mixed-1m',
    rw: 'randrw',
    area: 'write',
    blockSize: '1m',
    depth: bulkDepth,
    about: '1 MiB reads and writes, half each',
    ...extra,
  },
  ...streamSizes.flatMap((blockSize) => [stream('read', blockSize), stream('write', blockSize)]),
  // vsync gathers adjacent requests into one readv or writev of as many segments as its depth.
  {
    name: 'readv-32x4k',
    rw: 'read',
    area: 'read',
    blockSize: '4k',
    depth: 32,
    about: 'readv of 32 segments',
    main: false,
    engine: 'vsync',
  },
  {
    name: 'writev-32x4k',
    rw: 'write',
    area: 'write',
    blockSize: '4k',
    depth: 32,
    about: 'writev of 32 segments',
    main: false,
    engine: 'vsync',
  },
]

export const patternNames: readonly string[] = patterns.map((pattern) => pattern.name)
