/**
 * An addon and a kernel that only pretend: devices, mounts, lanes and the INIT of a connection, for tests of how a
 * volume is made and ended. Nothing is really mounted, so they need no privileges; no request ever arrives.
 */
import fs, { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Addon, LaneOptions } from '../../src/native/addon.js'
import { initFlag, initIn, protocol } from '../../src/protocol/abi.js'
import { enableUringPath } from '../../src/transport/capabilities.js'
import { FakeLane, message } from '../dispatcher/fake-lane.js'
import type { FailurePoint } from './nth-failure.js'

const { EINVAL, ENODEV } = constants.errno
const two32 = 2 ** 32

/** The calls that pretend. What else the addon can do is asked of nobody here. */
type Asked =
  | 'openDevice'
  | 'closeDevice'
  | 'mount'
  | 'unmount'
  | 'readRequest'
  | 'writeReply'
  | 'openBacking'
  | 'closeBacking'
  | 'directAlignment'
  | 'probeIoUring'
  | 'Lane'

const init = (offered: number): Buffer => {
  const flags = initFlag.maxPages + initFlag.initExt + offered
  const body = Buffer.alloc(initIn.bytes)
  body.writeUInt32LE(protocol.major, initIn.major)
  body.writeUInt32LE(protocol.minor, initIn.minor)
  body.writeUInt32LE(flags % two32, initIn.flags)
  body.writeUInt32LE(Math.floor(flags / two32), initIn.flags2)
  return message('INIT', body, { nodeid: 0 })
}

export interface FakeKernelOptions {
  /** Where an operation may fail. */
  readonly failure: FailurePoint
  /** Flags of INIT besides the ones that every kernel has. */
  readonly offered?: number
  /** Carriers whose lanes end with EINVAL as soon as they start. */
  readonly refuses?: readonly string[]
}

/** Devices, mounts and lanes, and how the connection ends with them. */
export class FakeKernel {
  readonly devices = new Set<number>()
  readonly mounts: string[] = []
  readonly lanes = new Set<FakeLane>()
  /** Ids of files that it was given and not asked to let go of. */
  readonly backings = new Set<number>()
  readonly #failure: FailurePoint
  readonly #offered: number
  readonly #refuses: readonly string[]
  readonly #ends: ((errno: number) => void)[] = []
  #nextFd = 1000
  #nextBacking = 1

  constructor({ failure, offered = 0, refuses = [] }: FakeKernelOptions) {
    this.#failure = failure
    this.#offered = offered
    this.#refuses = refuses
  }

  get left(): string[] {
    const { devices, mounts, lanes, backings } = this
    return [
      ...[...devices].map((fd) => `device ${String(fd)}`),
      ...mounts,
      ...[...lanes].map(() => 'lane'),
      ...[...backings].map((id) => `backing ${String(id)}`),
    ]
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
      return init(this.#offered)
    },
    writeReply: () => {
      this.#failure.check('writeReply')
    },
    openBacking: () => {
      this.#failure.check('openBacking')
      this.backings.add(this.#nextBacking)
      return this.#nextBacking++
    },
    closeBacking: (_fd, id) => {
      this.backings.delete(id)
    },
    directAlignment: () => 512,
    probeIoUring: () => ({ errno: 0, features: ['sqe128', 'uring-cmd'] }),
    Lane: this.#laneClass(),
  }

  /** Never asked for its memory's contents: no request arrives. */
  #laneClass(): Addon['Lane'] {
    const { lanes } = this
    const check = (operation: string): void => {
      this.#failure.check(operation)
    }
    const onStart = (carrier: string, end: (errno: number) => void): void => {
      if (this.#refuses.includes(carrier)) end(EINVAL)
      else this.#ends.push(end)
    }
    class Lane extends FakeLane {
      readonly features: readonly string[] = []
      readonly missing: readonly string[] = []
      readonly #carrier: string

      constructor({ depth, maxPayload, transport }: LaneOptions) {
        super({ slots: depth, maxPayload })
        this.#carrier = transport
        check('new Lane')
        lanes.add(this)
      }

      start(_onBatch: (count: number) => void, onClosed: (errno: number) => void): void {
        check('start')
        onStart(this.#carrier, onClosed)
      }

      override close(): boolean {
        lanes.delete(this)
        return true
      }
    }
    return Lane as unknown as Addon['Lane']
  }
}

/** The addon that the process loads is whatever this name of the global object holds. */
const key = 'ringvolFakeAddon'

export interface FakeMachine {
  /** An empty directory to mount on. */
  readonly directory: string
  /** From now on this is the kernel. */
  use(kernel: FakeKernel): void
}

/** For one file of tests, before anything loads the addon: the real one is put back in no other way. */
export const fakeMachine = (t: Test): FakeMachine => {
  const directory = mkdtempSync(join(tmpdir(), 'ringvol-volume-'))
  const addon = join(directory, 'addon.cjs')
  writeFileSync(addon, `module.exports = new Proxy({}, { get: (_, name) => globalThis.${key}[name] })`)
  process.env['RINGVOL_ADDON'] = addon
  let kernel: FakeKernel | undefined
  const { readFileSync } = fs
  /** With the mounts of the fake kernel among those of this machine, and FUSE-over-io_uring switched on. */
  fs.readFileSync = ((path: fs.PathOrFileDescriptor, options: BufferEncoding) => {
    if (path === enableUringPath) return 'Y\n'
    const text = readFileSync(path, options)
    if (path !== '/proc/self/mountinfo') return text
    const lines = kernel?.mounts.map((mountpoint) => `999 1 0:99 / ${mountpoint} rw - fuse.ringvol x rw\n`)
    return text + (lines ?? []).join('')
  }) as typeof fs.readFileSync
  syncBuiltinESMExports()
  t.teardown(() => {
    fs.readFileSync = readFileSync
    syncBuiltinESMExports()
    rmSync(directory, { recursive: true })
  })
  return {
    directory,
    use: (next) => {
      kernel = next
      Object.assign(globalThis, { [key]: next.addon })
    },
  }
}
