/**
 * Does a list of operations to a volume and to the model, and says where the two part.
 *
 * The model is asked first, so that a whole session (what happens between opening and closing) is one child process
 * with a deadline, and no operation waits for an answer to travel.
 */
import { describeDifference, firstDifference, Model, type Expected } from './model.js'
import { formatOperation, type Ground, type Operation } from './operation.js'

/** The first answer of a session that was not the expected one. */
export interface Deviation {
  readonly index: number
  readonly answer: string
  /** What a read found; empty otherwise. */
  readonly bytes: Buffer
}

/** A volume to work on, fresh and all zeros. */
export interface Target {
  /** Opens it, does what the lines say (device.cc has the format), and closes it. */
  session(lines: readonly string[]): Promise<Deviation | undefined>
  /** Ends the daemon and starts another one over the same image. */
  reattach(): Promise<void>
  /** Ends the daemon; what the image holds then. */
  end(): Promise<Buffer>
}

export interface Mismatch {
  /** Which operation of the list; its length for what was found only at the end. */
  readonly index: number
  readonly what: string
}

const chunk = 256 << 10

/** Reads all of it: the last session of every run. */
const readAll = (size: number): Operation[] =>
  Array.from({ length: Math.ceil(size / chunk) }, (_, index) => ({
    verb: 'read',
    offset: index * chunk,
    length: Math.min(chunk, size - index * chunk),
    stamp: 0,
  }))

const describe = (operation: Operation, expected: Expected, { answer, bytes }: Deviation): string => {
  const wanted = expected.bytes
  const different = wanted?.length === bytes.length ? firstDifference(wanted, bytes, operation.offset) : undefined
  const detail =
    different === undefined
      ? `expected the answer ${expected.answer}, got ${answer} (a count of bytes, or an errno with a minus)`
      : describeDifference(different)
  return `${formatOperation(operation)}: ${detail}`
}

interface Planned {
  readonly operation: Operation
  readonly index: number
  readonly expected: Expected
}

const runSession = async (target: Target, planned: readonly Planned[]): Promise<Mismatch | undefined> => {
  const lines = planned.map(({ operation, expected }) => `${expected.answer} ${formatOperation(operation)}`)
  const deviation = await target.session(lines)
  if (deviation === undefined) return undefined
  const at = planned[deviation.index]
  if (at === undefined) {
    const index = planned.at(-1)?.index ?? 0
    return { index, what: `the close after ${String(index)} operations: error ${deviation.answer}` }
  }
  return { index: at.index, what: describe(at.operation, at.expected, deviation) }
}

/** Up to the first mismatch, and then a read of the whole volume. */
const runAll = async (
  target: Target,
  model: Model,
  operations: readonly Operation[],
): Promise<Mismatch | undefined> => {
  let planned: Planned[] = []
  const closeSession = async (): Promise<Mismatch | undefined> => {
    const session = planned
    planned = []
    return session.length === 0 ? undefined : runSession(target, session)
  }
  for (const [index, operation] of operations.entries()) {
    if (operation.verb === 'reopen' || operation.verb === 'reattach') {
      const mismatch = await closeSession()
      if (mismatch !== undefined) return mismatch
      if (operation.verb === 'reattach') await target.reattach()
    } else planned.push({ operation, index, expected: model.apply(operation) })
  }
  const mismatch = await closeSession()
  if (mismatch !== undefined) return mismatch
  const last = readAll(model.bytes.length)
  planned = last.map((operation) => ({ operation, index: operations.length, expected: model.apply(operation) }))
  return closeSession()
}

/** undefined: the volume did all that the model did. Leaves the target ended. */
export const runOperations = async (
  target: Target,
  ground: Pick<Ground, 'target' | 'size'>,
  operations: readonly Operation[],
): Promise<Mismatch | undefined> => {
  const model = new Model(ground)
  let mismatch: Mismatch | undefined
  try {
    mismatch = await runAll(target, model, operations)
  } catch (error) {
    await target.end().catch(() => undefined)
    throw error
  }
  if (mismatch !== undefined) {
    // How it ends says less than what was found already.
    await target.end().catch(() => undefined)
    return mismatch
  }
  const different = firstDifference(model.bytes, await target.end(), 0)
  if (different === undefined) return undefined
  return { index: operations.length, what: `the image afterwards: ${describeDifference(different)}` }
}
