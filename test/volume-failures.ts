/**
 * A volume is made and ended over an addon and a kernel that only pretend, and each of their operations fails in turn:
 * whoever asked is told why, and no device, mount, lane or open backend is left.
 */
import fs, { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Backend } from '../src/backend/backend.js'
import { errnoOf } from '../src/errors.js'
import type { Addon, LaneOptions } from '../src/native/addon.js'
import { initFlag, initIn, protocol } from '../src/protocol/abi.js'
import { exportVolume, type Volume } from '../src/volume.js'
import { fakeBackend, FakeLane, message } from './dispatcher/fake-lane.js'
import { failureKinds, type NthFailure, sweepFailures } from './support/nth-failure.js'

const { EIO, ENODEV, EMFILE } = constants.errno

/** Only the real ones: they are asked for where the volume has a file. */
type Asked = 'openDevice' | 'closeDevice' | 'mount' | 'unmount' | 'readRequest' | 'writeReply' | 'probeIoUring' | 'Lane'

const init = (): Buffer => {
  const body = Buffer.alloc(initIn.bytes)
  body.writeUInt32LE(protocol.major, initIn.major)
  body.writeUInt32LE(protocol.minor, initIn.minor)
  body.writeUInt32LE(initFlag.maxPages + initFlag.initExt, initIn.flags)
  return message('INIT', body, { nodeid: 0 })
}

/** Devices, mounts and lanes, and how the connection ends with them. */
class FakeKernel {
  readonly devices = new Set<number>()
  readonly mounts: string[] = []
  readonly lanes = new Set<FakeLane>()
  readonly #failure: NthFailure
  readonly #ends: ((errno: number) => void)[] = []
  #nextFd = 1000

  constructor(failure: NthFailure) {
    this.#failure = failure
  }

  get left(): string[] {
    const { devices, mounts, lanes } = this
    return [...[...devices].map((fd) => `device ${String(fd)}`), ...mounts, ...[...lanes].map(() => 'lane')]
  }

  #endConnection(): void {
    for (const end of this.#ends.splice(0)) end(ENODEV)
  }

  readonly addon: Pick<Addon, Asked> = {
    openDevice: () => {
      this.#failure.check('openDevice')
      this.devices.add(this.#nextFd)
      return this.#nextFd++
    },
    closeDevice: (fd) => {
      this.devices.delete(fd)
      this.#endConnection()
    },
    mount: (_fd, mountpoint) => {
      this.#failure.check('mount')
      this.mounts.push(mountpoint)
    },
    unmount: async (mountpoint) => {
      await Promise.resolve()
      this.#failure.check('unmount')
      this.mounts.splice(this.mounts.indexOf(mountpoint), 1)
      this.#endConnection()
    },
    readRequest: () => {
      this.#failure.check('readRequest')
      return init()
    },
    writeReply: () => {
      this.#failure.check('writeReply')
    },
    probeIoUring: () => ({ errno: 0, features: [] }),
    Lane: this.#laneClass(),
  }

  /** Never asked for its memory's contents: no request arrives. */
  #laneClass(): Addon['Lane'] {
    const { lanes } = this
    const check = (operation: string): void => {
      this.#failure.check(operation)
    }
    const onEnd = (end: (errno: number) => void): void => {
      this.#ends.push(end)
    }
    class Lane extends FakeLane {
      readonly features: readonly string[] = []
      readonly missing: readonly string[] = []

      constructor({ depth, maxPayload }: LaneOptions) {
        super({ slots: depth, maxPayload })
        check('new Lane')
        lanes.add(this)
      }

      start(_onBatch: (count: number) => void, onClosed: (errno: number) => void): void {
        check('start')
        onEnd(onClosed)
      }

      override close(): boolean {
        lanes.delete(this)
        return true
      }
    }
    return Lane as unknown as Addon['Lane']
  }
}

/** The addon that the process loads is whatever this holds. */
const key = 'ringvolFakeAddon'
const scratch = mkdtempSync(join(tmpdir(), 'ringvol-volume-'))
writeFileSync(
  join(scratch, 'addon.cjs'),
  `module.exports = new Proxy({}, { get: (_, name) => globalThis.${key}[name] })`,
)
process.env['RINGVOL_ADDON'] = join(scratch, 'addon.cjs')

let kernel: FakeKernel | undefined
const { readFileSync } = fs
/** With the mounts of the fake kernel among those of this machine. */
fs.readFileSync = ((path: fs.PathOrFileDescriptor, options: BufferEncoding) => {
  const text = readFileSync(path, options)
  if (path !== '/proc/self/mountinfo') return text
  const lines = kernel?.mounts.map((mountpoint) => `999 1 0:99 / ${mountpoint} rw - fuse.ringvol x rw\n`)
  return text + (lines ?? []).join('')
}) as typeof fs.readFileSync
syncBuiltinESMExports()
t.teardown(() => {
  fs.readFileSync = readFileSync
  syncBuiltinESMExports()
  rmSync(scratch, { recursive: true })
})

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
        kernel = new FakeKernel(failure)
        Object.assign(globalThis, { [key]: kernel.addon })
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
          exportVolume(backend, { mountpoint: scratch, queueDepth: 1, maxIo: 4096 }),
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
