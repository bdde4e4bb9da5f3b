/**
 * Randomness that can be had again: the seed is printed, and SEED=… replays it.
 */
import type { Test } from 'tap'

export interface Random {
  /** 0 ≤ n < 1 */
  next(): number
  /** A whole number, 0 ≤ n < limit. */
  below(limit: number): number
}

/** mulberry32: 32 bits of state are plenty for choosing test cases. */
export const randomFrom = (seed: number): Random => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return { next, below: (limit) => Math.floor(next() * limit) }
}

export const seeded = (t: Test): Random & { seed: number } => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`seed ${String(seed)}; replay with SEED=${String(seed)}`)
  return { seed, ...randomFrom(seed) }
}
