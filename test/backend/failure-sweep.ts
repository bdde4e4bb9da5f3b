/**
 * Every call of the file system fails once, and then all from there on, while an image is opened, used and closed:
 * nothing stays open or locked, an image that was made goes again, and what was not asked for is not touched.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { checked } from '../../src/backend/checked.js'
import type { FileCalls } from '../../src/backend/file-open.js'
import { FileBackend, type FileOptions } from '../../src/backend/file.js'
import { errnoOf } from '../../src/errors.js'
import { addon } from '../../src/native/addon.js'
import { unbuilt } from '../native/built.js'
import { failFiles, type FailurePoint, failureKinds, openBelow, sweepFailures } from '../support/nth-failure.js'
import { directoryOf } from './images.js'

const { EIO, ENOSPC, EMFILE } = constants.errno
const size = 64 * 1024
const content = Buffer.alloc(size, 'what was there')

/** The addon's calls, which fail in their turn too. */
const failing = (failure: FailurePoint): FileCalls => {
  const turn =
    <Args extends unknown[], Result>(name: string, call: (...args: Args) => Result) =>
    (...args: Args): Result => {
      failure.check(name)
      return call(...args)
    }
  const later =
    <Args extends unknown[], Result>(name: string, call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      failure.check(name)
      return call(...args)
    }
  const { lockFile, isMemory, directAlignment, deviceSize, fallocate, seek } = addon()
  return {
    lockFile: turn('lockFile', lockFile),
    isMemory: turn('isMemory', isMemory),
    directAlignment: turn('directAlignment', directAlignment),
    deviceSize: turn('deviceSize', deviceSize),
    fallocate: later('fallocate', fallocate),
    seek: later('seek', seek),
  }
}

const outcome = async (run: () => unknown): Promise<unknown> => {
  try {
    await run()
    return undefined
  } catch (error) {
    return error ?? new Error('nothing was thrown')
  }
}

const openings: Readonly<Record<string, FileOptions>> = {
  'an image that is there': {},
  'an image that is made': { size },
  'an image for reading': { readOnly: true },
  'an image with O_DIRECT': { direct: true },
}

for (const [what, options] of Object.entries(openings)) {
  for (const kind of failureKinds) {
    t.test(`opening ${what}: each operation fails, ${kind}, and nothing is left`, { skip: unbuilt }, async (t) => {
      for (const errno of [EIO, ENOSPC, EMFILE]) {
        const directory = directoryOf(t)
        const failed = await sweepFailures(errno, kind, async (failure) => {
          const where = `${failure.kind} ${String(failure.nth)}`
          const path = join(directory, `image-${String(failure.nth)}`)
          const isNew = options.size !== undefined
          if (!isNew) writeFileSync(path, content)
          const backend = checked(new FileBackend(path, { ...options, calls: failing(failure) }))
          const restore = await failFiles(directory, failure)
          const opened = await outcome(() => backend.open())
          const closed = await outcome(() => backend.close())
          restore()
          const step = `${where}: ${String(failure.failed)}`
          for (const error of [opened, closed]) if (error !== undefined) t.equal(errnoOf(error), errno, step)
          t.strictSame(openBelow(directory), [], `${step}: no descriptor is left`)
          // A disk that is gone does not let go of a name either.
          if (opened !== undefined && isNew && kind === 'once')
            t.notOk(existsSync(path), `${step}: the new image is gone`)
          if (!isNew) t.ok(readFileSync(path).equals(content), `${step}: nothing was changed`)
          if (!isNew || opened === undefined)
            t.equal(await outcome(() => reopen(path)), undefined, `${step}: it can be opened again`)
        })
        t.ok(failed.length >= 5, `failed in turn: ${failed.join(' ')}`)
      }
    })
  }
}

const reopen = async (path: string): Promise<void> => {
  const backend = checked(new FileBackend(path))
  await backend.open()
  await backend.close()
}

t.test('an image in use: each operation fails, the request is told, and no other byte changes', async (t) => {
  if (unbuilt !== false) return
  for (const kind of failureKinds) {
    const directory = directoryOf(t)
    const failed = await sweepFailures(EIO, kind, async (failure) => {
      const path = join(directory, `image-${String(failure.nth)}`)
      writeFileSync(path, content)
      const inUse = { yet: false }
      const point: FailurePoint = {
        check: (operation) => {
          if (inUse.yet) failure.check(operation)
        },
      }
      const backend = checked(new FileBackend(path, { calls: failing(point) }))
      const restore = await failFiles(directory, point)
      await backend.open()
      inUse.yet = true
      const expected = Buffer.from(content)
      const step = (): string => `${kind} ${String(failure.nth)}: ${String(failure.failed)}`
      const does = async (run: () => unknown, change?: { at: number; length: number; to: number }): Promise<void> => {
        const error = await outcome(run)
        if (error !== undefined) t.equal(errnoOf(error), EIO, step())
        else if (change !== undefined) expected.fill(change.to, change.at, change.at + change.length)
        const found = readFileSync(path)
        // What failed may have been done in part, within its range.
        if (error !== undefined && change !== undefined)
          found.copy(expected, change.at, change.at, change.at + change.length)
        t.ok(found.equals(expected), `${step()}: no other byte changed`)
      }
      await does(() => backend.write(Buffer.alloc(5000, 1), 1000), { at: 1000, length: 5000, to: 1 })
      await does(() => backend.read(Buffer.alloc(4096), 0))
      await does(() => backend.trim(8192, 9000), { at: 8192, length: 9000, to: 0 })
      await does(() => backend.zero(30_000, 9000), { at: 30_000, length: 9000, to: 0 })
      await does(() => backend.allocate(0, size))
      await does(() => backend.extents(0, size))
      await does(() => backend.allocated())
      await does(() => backend.flush())
      const error = await outcome(() => backend.close())
      restore()
      if (error !== undefined) t.equal(errnoOf(error), EIO, step())
      t.strictSame(openBelow(directory), [], `${step()}: no descriptor is left`)
      t.equal(await outcome(() => reopen(path)), undefined, `${step()}: it can be opened again`)
    })
    for (const operation of ['write', 'read', 'fallocate', 'seek', 'stat', 'datasync', 'close']) {
      t.ok(failed.includes(operation), `${operation} was among ${failed.join(' ')}`)
    }
  }
})
