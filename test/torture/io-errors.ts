/**
 * A disk that fails now and then, for a long time: every error reaches the caller whose request it was, and every write
 * that succeeded is in the image afterwards, while no write that failed is.
 *
 * The errors come from a second volume, below, that has the `error` layer and is the image of the one that is tested;
 * so they are real ones to it, completions of I/O on its file. The layer's choices follow from its seed and the number
 * of requests, so the number of errors is known beforehand, and the callers have to have seen just as many.
 */
import { readFileSync } from 'node:fs'
import type { TransportName } from '../../src/transport/transport.js'
import { inChild } from '../support/process.js'
import { carriers, counter, serve, sparseImage } from '../support/ringvol.js'
import { randomFrom, type Random } from '../support/seed.js'
import type { Scenario } from './scenario.js'

const callers = 4
const blocksPerCaller = 256
const blockSize = 4096

interface Task {
  readonly path: string
  readonly first: number
  readonly blocks: number
  readonly requests: number
  readonly seed: number
}

interface Account {
  writes: number
  reads: number
  writeErrors: number
  readErrors: number
  /** Errors of another kind, and reads that succeeded with the wrong bytes. */
  wrong: string[]
  /** Per block: the stamp of the last write that succeeded, 0 for none. */
  stamps: number[]
}

/** Runs in the child: writes and reads its own blocks at random, one request at a time. */
const caller = async ({ path, first, blocks, requests, seed }: Task): Promise<Account> => {
  const { openSync, readSync, writeSync } = await import('node:fs')
  const fd = openSync(path, 'r+')
  const stamps = new Array<number>(blocks).fill(0)
  const account: Account = { writes: 0, reads: 0, writeErrors: 0, readErrors: 0, wrong: [], stamps }
  const buffer = Buffer.alloc(4096)
  const attempt = (action: () => number): boolean => {
    try {
      if (action() !== 4096) account.wrong.push('short')
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EIO') account.wrong.push(String(error))
      return false
    }
  }
  let state = seed
  for (let serial = 1; serial <= requests; serial++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    const block = (state >>> 8) % blocks
    const offset = (first + block) * 4096
    if (state >>> 31 === 0) {
      account.writes += 1
      buffer.fill(0)
      for (let at = 0; at < 4096; at += 512) buffer.writeUInt32LE(serial, at)
      if (attempt(() => writeSync(fd, buffer, 0, 4096, offset))) stamps[block] = serial
      else account.writeErrors += 1
      continue
    }
    account.reads += 1
    if (!attempt(() => readSync(fd, buffer, 0, 4096, offset))) account.readErrors += 1
    else if (buffer.readUInt32LE(3584) !== stamps[block]) account.wrong.push(`block ${String(block)} reads otherwise`)
  }
  return account
}

/** How many of `requests` the error layer fails: its generator, src/layer/error.ts. */
const injected = (requests: number, probability: number, seed: number): number => {
  const modulus = 2 ** 31 - 1
  let state = seed
  let errors = 0
  for (let request = 0; request < requests; request++) {
    state = (state * 48271) % modulus
    if ((state - 1) / (modulus - 1) < probability) errors += 1
  }
  return errors
}

const stampsIn = (image: string): number[] => {
  const bytes = readFileSync(image)
  return Array.from({ length: callers * blocksPerCaller }, (_, block) => {
    const sectors = Array.from({ length: 8 }, (_, sector) => bytes.readUInt32LE(block * blockSize + sector * 512))
    return new Set(sectors).size === 1 ? (sectors[0] ?? -1) : -1
  })
}

export interface Outcome {
  readonly requests: number
  readonly errors: number
}

/** Requests by each of the callers, of which about `probability` fail. Rejects with what is wrong. */
export const failingDisk = async (
  transport: TransportName,
  random: Random,
  requestsEach: number,
  probability: number,
): Promise<Outcome> => {
  const seeds = { write: 1 + random.below(2 ** 30), read: 1 + random.below(2 ** 30) }
  const layer = (op: 'write' | 'read'): string =>
    `error:op=${op},probability=${String(probability)},seed=${String(seeds[op])}`
  const image = sparseImage(callers * blocksPerCaller * blockSize)
  const [carrier = 'syscall'] = carriers
  const below = await serve(image, ['--transport', carrier, '--layer', layer('write'), '--layer', layer('read')])
  const above = await serve(below.volume, ['--transport', transport, '--name', 'above'])
  const accounts = await Promise.all(
    Array.from({ length: callers }, (_, index) =>
      inChild(
        caller,
        {
          path: above.volume,
          first: index * blocksPerCaller,
          blocks: blocksPerCaller,
          requests: requestsEach,
          seed: random.below(2 ** 31),
        },
        { deadline: 120_000 },
      ),
    ),
  )
  const counted = await counter('above', 'fileErrors')
  const ends = [await above.stop(), await below.stop()].map(({ code }) => code)

  const sum = (of: (account: Account) => number): number => accounts.reduce((total, account) => total + of(account), 0)
  const errors = sum(({ writeErrors, readErrors }) => writeErrors + readErrors)
  const expected =
    injected(
      sum(({ writes }) => writes),
      probability,
      seeds.write,
    ) +
    injected(
      sum(({ reads }) => reads),
      probability,
      seeds.read,
    )
  const stamps = accounts.flatMap((account) => account.stamps)
  const wrong = [
    ...accounts.flatMap((account) => account.wrong),
    ...(errors === expected ? [] : [`${String(expected)} requests failed below, callers saw ${String(errors)}`]),
    ...(errors === counted ? [] : [`callers saw ${String(errors)} errors, fileErrors counted ${String(counted)}`]),
    ...(ends.every((code) => code === 0) ? [] : [`the daemons ended with ${ends.join(' and ')}`]),
    ...stampsIn(image).flatMap((stamp, block) =>
      stamp === stamps[block] ? [] : [`block ${String(block)} holds ${String(stamp)}, not ${String(stamps[block])}`],
    ),
  ]
  if (wrong.length > 0) throw new Error(`${transport}: ${wrong.slice(0, 20).join('; ')}`)
  return { requests: callers * requestsEach, errors }
}

export const scenario: Scenario = {
  name: 'io-errors',
  mounts: true,
  run: async ({ seed, transport, count }) => {
    const { errors } = await failingDisk(transport, randomFrom(seed), 20_000, 0.05)
    count('I/O errors', errors)
  },
}
