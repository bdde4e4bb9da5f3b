/**
 * Every operation of a start fails in turn, with a volume that only pretends: the start is refused with the reason, or
 * serves and ends well; the name can be taken again, and an image that it made is gone. A socket that were left
 * listening would keep this process alive until the runner gives up on it.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Backend } from '../../src/backend/backend.js'
import { errnoOf } from '../../src/errors.js'
import { askStop } from '../../src/host/control.js'
import { serve, type ServeContext } from '../../src/host/serve.js'
import { silentLogger } from '../../src/log.js'
import type { Volume, VolumeOptions, VolumeStatus } from '../../src/volume.js'
import { failFiles, type NthFailure, sweepFailures } from '../support/nth-failure.js'
import { machine } from './machine.js'

const { EIO, ENOSPC, EMFILE } = constants.errno

type OpenSource = NonNullable<ServeContext['make']>['openSource']

/** `left` counts volumes that were exported and not stopped. */
const pretend = (failure: NthFailure, image: string, left: { volumes: number }): NonNullable<ServeContext['make']> => ({
  openSource: ((_source: string, { onCreated }: Parameters<OpenSource>[1] = {}): Promise<Backend> => {
    failure.check('openSource')
    writeFileSync(image, 'made')
    onCreated?.(() => rm(image))
    return Promise.resolve({} as Backend)
  }) as unknown as OpenSource,
  exportVolume: async (_backend: Backend, { name = '', mountpoint }: VolumeOptions): Promise<Volume> => {
    await Promise.resolve()
    failure.check('exportVolume')
    left.volumes += 1
    let end: () => void = () => undefined
    const closed = new Promise<void>((resolve) => (end = resolve))
    return {
      status: { name, mountpoint, volume: `${mountpoint}/volume`, readOnly: false, pid: process.pid } as VolumeStatus,
      features: { used: [], missing: [] },
      counters: () => ({}),
      pending: () => ({ inFlight: 0, oldestMs: null }),
      closed,
      stop: () => {
        left.volumes -= 1
        end()
        return closed
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  },
})

interface Ended {
  readonly served: boolean
  readonly error?: unknown
}

/** Serves, and stops as soon as it is ready. */
const serveOnce = async (image: string, mountpoint: string, make: ServeContext['make'], stop: () => Promise<void>) => {
  let served = false
  let stopped: Promise<unknown> = Promise.resolve()
  const onReady = (): void => {
    served = true
    stopped = stop()
  }
  const options = { source: image, mountpoint, size: 1024, name: 'm' }
  const ended = await serve(options, { logger: silentLogger, onReady, ...(make === undefined ? {} : { make }) }).then(
    (): Ended => ({ served }),
    (error: unknown): Ended => ({ served, error }),
  )
  await stopped
  return ended
}

for (const errno of [EIO, ENOSPC, EMFILE]) {
  t.test(`a start in which each operation fails in turn with ${String(errno)} leaves nothing`, async (t) => {
    const { run, directory } = machine(t)
    const before = process.env['RINGVOL_RUN']
    process.env['RINGVOL_RUN'] = run
    t.teardown(() => {
      if (before === undefined) delete process.env['RINGVOL_RUN']
      else process.env['RINGVOL_RUN'] = before
    })
    const mountpoint = join(directory, 'mnt')
    mkdirSync(mountpoint)
    const failed = await sweepFailures(errno, 'once', async (failure) => {
      const image = join(directory, `image-${String(failure.nth)}`)
      const left = { volumes: 0 }
      const make = pretend(failure, image, left)
      const stop = async (): Promise<void> => {
        failure.heal()
        await askStop(join(run, 'm/control'), false)
      }
      const restore = await failFiles(directory, failure)
      const { served, error } = await serveOnce(image, mountpoint, make, stop)
      restore()
      const step = `${String(failure.nth)}: ${String(failure.failed)}`
      if (error !== undefined) t.equal(errnoOf(error) ?? errnoOf((error as Error).cause), errno, step)
      t.equal(served, error === undefined, `${step}: refused with a reason, or served`)
      t.equal(left.volumes, 0, `${step}: the volume was taken down`)
      t.strictSame(existsSync(run) ? readdirSync(run) : [], [], `${step}: the name is free`)
      t.equal(existsSync(image), served, `${step}: an image that was made is gone, one that was served is there`)
    })
    t.comment(failed.join(' '))
    for (const operation of ['openSource', 'exportVolume', 'mkdir', 'writeFile', 'rename']) {
      t.ok(failed.includes(operation), `${operation} failed in its turn`)
    }
  })
}
