/**
 * The transports that the same tests run on, and why one cannot run here.
 *
 * `passthrough` needs a regular file that nothing stands before, so tests of `memory:` and of layers are tests of the
 * carriers: the transports that bring a request to us.
 */
import { spawnSync } from 'node:child_process'
import { offersPassthrough, receiveInit } from '../../src/dispatcher/session.js'
import type { LaneTransport } from '../../src/native/addon.js'
import { Mount } from '../../src/transport/mount.js'
import { transportNames, type TransportName } from '../../src/transport/transport.js'
import { requires } from './requires.js'
import { freshDirectory } from './scratch.js'

const requested = process.env['RINGVOL_TEST_TRANSPORTS']

/** RINGVOL_TEST_TRANSPORTS=classic,syscall names fewer. */
export const transports = (requested?.split(',') ?? transportNames) as readonly TransportName[]

/** true: each test is to run on all of `transports`, also one that else takes its turn. */
export const onAll = requested !== undefined

/** As the kernel says in INIT, on a mount that nobody else sees. */
const askForPassthrough = (): string | false => {
  const mountpoint = freshDirectory('probe')
  const mount = Mount.open({ mountpoint, source: 'probe', readOnly: true, allowOther: false })
  try {
    return offersPassthrough(receiveInit(mount.deviceFd)) ? false : 'this kernel does not offer passthrough'
  } finally {
    mount.close()
    spawnSync('umount', ['-l', mountpoint], { timeout: 5000 })
  }
}

let passthrough: string | false | undefined

/** Why a transport cannot be tested here, or false. */
export const lacksTransport = (transport: TransportName): string | false => {
  const reason = requires('root', 'fuse', ...(transport === 'uring' ? (['uring'] as const) : []))
  if (reason !== false || transport !== 'passthrough') return reason
  return (passthrough ??= askForPassthrough())
}

export const usableTransports = (): TransportName[] =>
  transports.filter((transport) => lacksTransport(transport) === false)

const named = transports.filter((name): name is LaneTransport => name !== 'passthrough')

/** Of `transports`, those that bring us every request; if passthrough was named alone, the one that it takes. */
export const carriers: readonly LaneTransport[] =
  named.length > 0 ? named : [requires('uring') === false ? 'uring' : 'classic']
