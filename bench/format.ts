/**
 * Figures as people read them, in one place so that progress, table and page agree: three significant digits.
 */

const significant = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)

/** `276543` → `277k`, `1240000` → `1.24M`; no figure → `–`. */
export const formatCount = (value: number): string => {
  if (!Number.isFinite(value)) return '–'
  if (value >= 999_500) return `${significant(value / 1e6)}M`
  if (value >= 10_000) return `${(value / 1000).toFixed(0)}k`
  return value >= 1000 ? `${(value / 1000).toFixed(1)}k` : value.toFixed(0)
}

/** Nanoseconds: `9300` → `9.30 µs`. */
export const formatTime = (nanoseconds: number): string => {
  if (!Number.isFinite(nanoseconds)) return '–'
  if (nanoseconds >= 1e9) return `${significant(nanoseconds / 1e9)} s`
  return nanoseconds >= 1e6 ? `${significant(nanoseconds / 1e6)} ms` : `${significant(nanoseconds / 1e3)} µs`
}

/** Seconds with three digits, the unit said elsewhere. */
export const formatSeconds = (value: number): string => (Number.isFinite(value) ? significant(value) : '–')

export const formatRatio = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : '–')

/** Seconds: `192` → `3m12s`. */
export const formatDuration = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds))
  return whole < 60 ? `${String(whole)}s` : `${String(Math.floor(whole / 60))}m${String(whole % 60).padStart(2, '0')}s`
}
