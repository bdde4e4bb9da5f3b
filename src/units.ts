/**
 * Sizes as people write them, in one place so that every option and message agrees.
 *
 * `512`, `64K`, `10G`, `1T`, also `64KiB` and `1.5G`: powers of 1024, as losetup and qemu-img read them. A size that is
 * not a whole number of bytes, or beyond 2^53 - 1 (what a JavaScript number holds exactly), is refused.
 */
import { RingvolError } from './errors.js'

const exponents = { '': 0, K: 1, M: 2, G: 3, T: 4, P: 5 } as const
const pattern = /^(\d+(?:\.\d+)?)([KMGTP]?)(?:i?B)?$/i

/** Bytes of a size text. Throws ERR_SIZE. */
export const parseSize = (text: string, what = 'size'): number => {
  const match = pattern.exec(text.trim())
  const unit = match?.[2]?.toUpperCase() as keyof typeof exponents | undefined
  const bytes = match && unit !== undefined ? Number(match[1]) * 1024 ** exponents[unit] : NaN
  if (!Number.isSafeInteger(bytes)) {
    throw new RingvolError('ERR_SIZE', `${what} '${text}' is not a size`, {
      advice: 'write bytes or a number with K, M, G or T, such as 512, 64K or 10G',
    })
  }
  return bytes
}

/** `1073741824` → `1G`; a size that no unit divides evenly gets one decimal: `1.5G`, `977.6K`. */
export const formatSize = (bytes: number): string => {
  const units = Object.keys(exponents) as (keyof typeof exponents)[]
  const index = Math.max(
    0,
    units.findLastIndex((unit) => bytes >= 1024 ** exponents[unit]),
  )
  const unit = units[index] ?? ''
  const value = bytes / 1024 ** index
  return `${Number.isInteger(value) ? String(value) : value.toFixed(1)}${unit}`
}

/** `340 ms`, `12 s`, `7 min`: an age for people, to two digits or so. */
export const formatAge = (milliseconds: number): string => {
  if (milliseconds < 1000) return `${String(Math.round(milliseconds))} ms`
  const seconds = Math.floor(milliseconds / 1000)
  return seconds < 120 ? `${String(seconds)} s` : `${String(Math.floor(seconds / 60))} min`
}
