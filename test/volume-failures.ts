/**
 * A volume is made and ended over an addon and a kernel that only pretend, and each of their operations fails in turn:
 * whoever asked is told why, and no device, mount, lane or open backend is left.
 */
import { constants } from 'node:os'
import t from 'tap'
import type { Backend } from '../src/backend/backend.js'
import { errnoOf } from '../src/errors.js'
import { exportVolume, type Volume } from '../src/volume.js'
import { fakeBackend } from './dispatcher/fake-lane.js'
import { FakeKernel, fakeMachine } from './support/fake-kernel.js'
import { failureKinds, type NthFailure, sweepFailures } from './support/nth-failure.js'

const { EIO, EMFILE } = constants.errno

const { directory, use } = fakeMachine(t)

const outcome = async <T>(run: () => Promise<T>): Promise<{ value?: T; error?: unknown }> => {
  try {
    return { value: await run() }
  } catch (error) {
    return { error }
  }
}

for (const kind of failureKinds) {
  t.test(`making and ending a volume: each operation fails, ${kind}, and nothing is left`, async (t) => {
    for (const errno of [EIO, EMFILE]) {
      const failed = await sweepFailures(errno, kind, async (failure) => {
        const kernel = new FakeKernel({ failure })
        use(kernel)
        let isOpen = false
        const step = async (operation: string): Promise<void> => {
          await Promise.resolve()
          failure.check(operation)
        }
        const backend: Backend = fakeBackend({
          open: () => step('open').then(() => void (isOpen = true)),
          flush: () => step('flush'),
          close: () => {
            isOpen = false
            return step('close')
          },
        })
        const { value: volume, error } = await outcome(() =>
          exportVolume(backend, { mountpoint: directory, queueDepth: 1, maxIo: 4096 }),
        )
        const errors = [error, ...(volume === undefined ? [] : await end(volume, failure))]
        const where = `${kind} ${String(failure.nth)}: ${String(failure.failed)}`
        for (const each of errors) if (each !== undefined) t.equal(errnoOf(each), errno, where)
        if (failure.failed !== undefined)
          t.not(errors.filter((each) => each !== undefined).length, 0, `${where} was told`)
        // A mount that could not be taken back when the start failed stays; the addon tries again at the end.
        const stays = volume === undefined && kind === 'from then on' ? kernel.mounts : []
        t.strictSame(kernel.left, stays, where)
        t.notOk(isOpen, `${where}: the backend is closed`)
      })
      t.comment(failed.join(' '))
      for (const operation of [
        'open',
        'openDevice',
        'mount',
        'readRequest',
        'new Lane',
        'writeReply',
        'start',
        'unmount',
        'flush',
        'close',
      ]) {
        t.ok(failed.includes(operation), `${operation} failed in its turn`)
      }
    }
  })
}

/** Stops, by force if it has to be; all errors. What could not be unmounted is when a stop by force is tried again. */
const end = async (volume: Volume, failure: NthFailure): Promise<unknown[]> => {
  const { error } = await outcome(() => volume.stop())
  if (error === undefined) return []
  const forced = await outcome(() => volume.stop({ force: true }))
  failure.heal()
  const healed = failure.failed === 'unmount' ? await outcome(() => volume.stop({ force: true })) : forced
  return [error, forced.error, healed.error]
}
