/**
 * The log of writes as bytes: the format of the kernel's dm-log-writes target (drivers/md/dm-log-writes.c), so that
 * fstests' replay-log and everything built on it read our logs, and we read theirs.
 *
 * ```
 *  [ super block ] [ header ][ data … ] [ header ][ data … ] [ header ] …      each padded to the sector size
 *    magic           sector     only of writes;
 *    version         sectors    a discard has none, a mark has
 *    entries         flags      its text in the header's sector
 *    sector size     data length
 * ```
 *
 * All numbers are little endian, 64 bits but for the sector size, which has 32.
 */

/** What `sector` and `sectors` of our logs count; the kernel's are in logical blocks of its device. */
export const logSector = 512

const magic = 0x6a736677736872n
const version = 1n
const superBytes = 28
const headerBytes = 32

export const logFlags = { flush: 1, fua: 2, discard: 4, mark: 8 } as const

export interface LogSuper {
  readonly entries: number
  readonly sectorSize: number
}

/** One entry. Sectors are those of the log's own sector size. */
export interface LogHeader {
  readonly sector: number
  readonly sectors: number
  /** Some of `logFlags`; 16 is the kernel's "metadata", which changes nothing. */
  readonly flags: number
  /** Empty unless it is a mark. */
  readonly mark: string
}

/** Bytes of text that a mark can have: one is left to end it. */
export const longestMark = (sectorSize: number): number => sectorSize - headerBytes - 1

export const encodeSuper = ({ entries, sectorSize }: LogSuper): Buffer => {
  const bytes = Buffer.alloc(sectorSize)
  bytes.writeBigUInt64LE(magic, 0)
  bytes.writeBigUInt64LE(version, 8)
  bytes.writeBigUInt64LE(BigInt(entries), 16)
  bytes.writeUInt32LE(sectorSize, 24)
  return bytes
}

/** A text says what is wrong with the bytes. */
export const decodeSuper = (bytes: Buffer): LogSuper | string => {
  if (bytes.length < superBytes || bytes.readBigUInt64LE(0) !== magic) return 'it is not a log of writes'
  const found = bytes.readBigUInt64LE(8)
  if (found !== version) return `it has version ${String(found)} of the format, and only 1 is known`
  const sectorSize = bytes.readUInt32LE(24)
  if (sectorSize < logSector || sectorSize > 65536 || !Number.isInteger(Math.log2(sectorSize))) {
    return `its sector size is ${String(sectorSize)}`
  }
  const entries = Number(bytes.readBigUInt64LE(16))
  return Number.isSafeInteger(entries) ? { entries, sectorSize } : 'its number of entries is not a number'
}

/** One sector. `mark` must be short enough. */
export const encodeHeader = ({ sector, sectors, flags, mark }: LogHeader, sectorSize: number): Buffer => {
  const bytes = Buffer.alloc(sectorSize)
  bytes.writeBigUInt64LE(BigInt(sector), 0)
  bytes.writeBigUInt64LE(BigInt(sectors), 8)
  bytes.writeBigUInt64LE(BigInt(flags), 16)
  bytes.writeBigUInt64LE(BigInt(Buffer.byteLength(mark)), 24)
  bytes.write(mark, headerBytes)
  return bytes
}

/** Of one whole sector. Undefined: no recorder has written this. */
export const decodeHeader = (bytes: Buffer): LogHeader | undefined => {
  const [sector = 0, sectors = 0, flags = 0, dataLength = 0] = [0, 8, 16, 24].map((at) =>
    Number(bytes.readBigUInt64LE(at)),
  )
  const isMark = (flags & logFlags.mark) !== 0
  const sound =
    Number.isSafeInteger((sector + sectors) * bytes.length) &&
    flags < 32 &&
    (flags !== 0 || sectors !== 0) &&
    (!isMark || dataLength <= bytes.length - headerBytes) &&
    (isMark || bytes[headerBytes] === 0)
  if (!sound) return undefined
  const mark = isMark ? bytes.toString('utf8', headerBytes, headerBytes + dataLength) : ''
  return { sector, sectors, flags, mark }
}

/** Bytes of data behind the header. */
export const dataBytes = ({ sectors, flags }: LogHeader, sectorSize: number): number =>
  (flags & logFlags.discard) !== 0 ? 0 : sectors * sectorSize

/** The mark that our recorder begins with, because the format has no place for the size of the volume. */
export const sizeMark = (bytes: number): string => `size=${String(bytes)}`

export const sizeOfMark = (mark: string): number | undefined => {
  const bytes = Number(/^size=(\d+)$/.exec(mark)?.[1])
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined
}
