/**
 * What the kernel says in sysfs about a block device; asking there changes nothing and needs no privilege.
 */
import { readFile } from 'node:fs/promises'

/** `/sys/dev/block/7:3`; device numbers are split as in include/linux/kdev_t.h, new_encode_dev. */
const directoryOf = (rdev: number): string => {
  const major = Math.floor(rdev / 2 ** 8) & 0xfff
  const minor = (rdev & 0xff) | (Math.floor(rdev / 2 ** 12) & 0xfff00)
  return `/sys/dev/block/${String(major)}:${String(minor)}`
}

const read = async (path: string): Promise<number | undefined> => {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : Number(text)
}

/** Opening such a device for writing succeeds; it is the writes that fail. */
export const isReadOnlyDevice = async (rdev: number): Promise<boolean> => (await read(`${directoryOf(rdev)}/ro`)) === 1

/** Bytes one REQ_OP_WRITE_ZEROES may have, 0: the device has none. Undefined: unknown. A partition's queue is its disk's. */
export const writeZeroesLimit = async (rdev: number): Promise<number | undefined> =>
  (await read(`${directoryOf(rdev)}/queue/write_zeroes_max_bytes`)) ??
  (await read(`${directoryOf(rdev)}/../queue/write_zeroes_max_bytes`))
