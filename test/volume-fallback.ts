/**
 * `auto` loses a capability, not the volume: what the kernel refuses only after it was agreed on is done another way,
 * and said. A transport that was asked for by name is refused instead.
 */
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { initFlag } from '../src/protocol/abi.js'
import { exportVolume, type Volume, type VolumeOptions } from '../src/volume.js'
import { systemError } from './backend/calls.js'
import { fakeBackend } from './dispatcher/fake-lane.js'
import { FakeKernel, fakeMachine } from './support/fake-kernel.js'

const { EPERM, ELOOP, EINVAL } = constants.errno
const { directory, use } = fakeMachine(t)
const image = join(directory, 'image')
writeFileSync(image, '')
const fd = openSync(image, 'r+')
t.teardown(() => {
  closeSync(fd)
})

interface Tried {
  readonly kernel: FakeKernel
  /** The warnings that something is done another way. */
  readonly instead: string[]
  readonly volume: Promise<Volume>
}

/** A volume over a file, on a kernel that offers `offered`; the operations named in `failing` fail with that errno. */
const tryVolume = (
  transport: NonNullable<VolumeOptions['transport']>,
  options: { offered: number; failing?: Readonly<Record<string, number>>; refuses?: readonly string[] },
): Tried => {
  const { offered, failing = {}, refuses = [] } = options
  const check = (operation: string): void => {
    const errno = failing[operation]
    if (errno !== undefined) throw systemError(errno, operation)
  }
  const kernel = new FakeKernel({ failure: { check }, offered, refuses })
  use(kernel)
  const instead: string[] = []
  const write = (line: string): void => {
    if (line.includes('instead')) instead.push(line)
  }
  const logger = pino({ level: 'warn' }, { write })
  const file = { fd, directFd: -1, alignment: 1, memory: false }
  const backend = fakeBackend({ file })
  const volume = exportVolume(backend, { mountpoint: directory, queueDepth: 1, maxIo: 4096, transport, logger })
  return { kernel, instead, volume }
}

for (const [errno, name, when] of [
  [EPERM, 'EPERM', 'without the permission'],
  [ELOOP, 'ELOOP', 'on a file system that stands on another one'],
] as const) {
  t.test(`an image that the kernel does not pass on, ${when}: the carrier does the data`, async (t) => {
    const failing = { openBacking: errno }
    const { kernel, instead, volume } = tryVolume('auto', { offered: initFlag.passthrough, failing })
    const made = await volume
    t.equal(made.status.transport, 'classic')
    t.match(made.status.reason, new RegExp(`refused passthrough on this image \\(${name}\\)`))
    t.match(instead, [new RegExp(`refused passthrough.*${name}.*using classic instead`)])
    await made.stop()
    t.strictSame(kernel.left, [])
  })

  t.test(`an image that the kernel does not pass on, ${when}: passthrough by name is refused`, async (t) => {
    const failing = { openBacking: errno }
    const { kernel, volume } = tryVolume('passthrough', { offered: initFlag.passthrough, failing })
    await t.rejects(volume, { code: 'ERR_TRANSPORT', message: new RegExp(`${name}.*--transport auto`) })
    t.strictSame(kernel.left, [], 'and nothing is left')
  })
}

t.test('an image that the kernel passes on is given back at the end', async (t) => {
  const { kernel, instead, volume } = tryVolume('auto', { offered: initFlag.passthrough })
  const made = await volume
  t.equal(made.status.transport, 'passthrough')
  t.equal(kernel.backings.size, 1)
  await made.stop()
  t.strictSame(kernel.left, [])
  t.strictSame(instead, [])
})

t.test('rings that were promised and cannot be set up: the volume is made again over classic', async (t) => {
  const { kernel, instead, volume } = tryVolume('auto', { offered: initFlag.overIoUring, refuses: ['uring'] })
  const made = await volume
  t.equal(made.status.transport, 'classic')
  t.match(instead, [/EINVAL.*using classic instead/])
  t.equal(kernel.mounts.length, 1, 'the first mount is gone')
  await made.stop()
  t.strictSame(kernel.left, [])
})

t.test('rings that were promised and cannot be set up: uring by name is refused', async (t) => {
  const { kernel, volume } = tryVolume('uring', { offered: initFlag.overIoUring, refuses: ['uring'] })
  await t.rejects(volume, { code: 'ERR_TRANSPORT', errno: EINVAL })
  t.strictSame(kernel.left, [])
})
