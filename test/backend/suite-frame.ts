/**
 * What the parts of the backend suite share: how a test gets its backend, and data that is random, but the same again
 * for the same seed. Nothing here needs a dependency, so that the suite can be used outside of ringvol.
 */
import type { Test } from 'tap'
import { type Backend } from '../../src/backend/backend.js'
import { type CheckedBackend } from '../../src/backend/checked.js'

export interface Frame {
  readonly t: Test
  readonly can: Backend['can']
  /** It has `allocated()`; without that the volume counts as full, whatever is in it. */
  readonly measures: boolean
  /** A new open backend, closed when `t` ends. */
  readonly opened: (t: Test) => Promise<CheckedBackend>
  readonly fresh: (t: Test) => Promise<CheckedBackend>
  /** What reading back `data` must give: itself, or zeros from a backend that stores nothing. */
  readonly kept: (data: Buffer) => Buffer
  readonly stores: boolean
  readonly random: Random
}

export const needs = ({ can }: Frame, ...names: (keyof Backend['can'])[]): { skip: string | false } => {
  const missing = names.find((name) => !can[name])
  return { skip: missing === undefined ? false : `it cannot ${missing}` }
}

export const readBack = async (backend: Backend, offset: number, length: number): Promise<Buffer> => {
  // Not zeros, so that a byte the backend leaves alone shows.
  const target = Buffer.alloc(length, 0xa5)
  await backend.read(target, offset)
  return target
}

/** Byte for byte, without printing megabytes when it fails. */
export const same = (t: Test, found: Buffer, wanted: Buffer, message: string): void => {
  const differs = found.equals(wanted) ? -1 : found.findIndex((byte, index) => byte !== wanted[index])
  t.equal(
    differs === -1 && found.length === wanted.length ? 'same' : `differs at byte ${String(differs)}`,
    'same',
    message,
  )
}

export const failure = async (call: () => unknown): Promise<{ code?: string; errno?: number } | undefined> => {
  try {
    await call()
    return undefined
  } catch (error) {
    return error as { code?: string; errno?: number }
  }
}

export interface Random {
  /** A whole number, 0 ≤ n < limit. */
  readonly below: (limit: number) => number
  readonly bytes: (length: number) => Buffer
}

/** xorshift32: every state but 0 comes round, which is why 0 is replaced. */
export const randomOf = (seed: number): Random => {
  let state = seed >>> 0 || 1
  const next = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  return {
    below: (limit) => next() % limit,
    bytes: (length) => {
      const words = new Uint32Array(Math.ceil(length / 4))
      return Buffer.from(words.map(next).buffer, 0, length)
    },
  }
}

/** Bytes none of which is 0, so that a hole cannot pass for them. */
export const pattern = (length: number): Buffer => Buffer.alloc(length, 'ringvol')

/** Whole sectors of 512 bytes. */
export const sectors = (data: Buffer): Buffer[] =>
  Array.from({ length: Math.floor(data.length / 512) }, (_, index) => data.subarray(index * 512, (index + 1) * 512))
