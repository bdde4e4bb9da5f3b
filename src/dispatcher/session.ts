/**
 * The INIT handshake: the first message of a connection, and what both sides agree on.
 *
 * It runs before any lane: the kernel queues INIT during mount(2), so it can be read at once, without waiting. The
 * answer is sent only when everything it promises has been allocated; FUSE_OVER_IO_URING above all, because a kernel
 * that was promised rings waits for them for ever (libfuse/libfuse#1352).
 */
import { RingvolError } from '../errors.js'
import { addon, type LaneTransport } from '../native/addon.js'
import { initFlag, protocol } from '../protocol/abi.js'
import {
  buildInit,
  buildVersionOnly,
  hasFlag,
  type InitAnswer,
  type InitRequest,
  parseInit,
  takeFlags,
} from '../protocol/init.js'

const pageBytes = 4096
/** Bytes of a request without MAX_PAGES: 32 pages, what kernels before 4.20 have built in. */
const pagesWithoutMaxPages = 32
/** The largest value of a 16-bit field. Below it the kernel would throttle a deep queue for no reason of ours. */
const maxBackground = 65535

/** Flags that every transport wants when offered; the reason for each is in docs/protocol.md. */
const wanted = [
  initFlag.asyncRead,
  initFlag.bigWrites,
  initFlag.asyncDio,
  initFlag.parallelDirops,
  initFlag.abortError,
  initFlag.maxPages,
  initFlag.initExt,
  initFlag.directIoAllowMmap,
] as const

export const offersPassthrough = (init: InitRequest): boolean => hasFlag(init.flags, initFlag.passthrough)

export const offersUring = (init: InitRequest): boolean => hasFlag(init.flags, initFlag.overIoUring)

/** Reads the INIT that mount(2) queued. Throws ERR_PROTOCOL when the kernel's major version is older than ours. */
export const receiveInit = (deviceFd: number): InitRequest => {
  for (let attempt = 0; attempt < 2; attempt++) {
    const message = addon().readRequest(deviceFd, 2 * protocol.minReadBuffer)
    if (message === null) break
    const init = parseInit(message)
    if (init.major === protocol.major) return init
    if (init.major < protocol.major) {
      throw new RingvolError('ERR_PROTOCOL', `this kernel speaks FUSE ${String(init.major)}, ringvol needs 7`)
    }
    addon().writeReply(deviceFd, buildVersionOnly(init))
  }
  throw new RingvolError('ERR_PROTOCOL', 'the kernel sent no FUSE_INIT after the mount')
}

/** What to answer. `maxIo`: bytes, rounded down to pages and cut to what kernel and sysctl allow. */
export const agree = (
  init: InitRequest,
  wish: { carrier: LaneTransport; passthrough: boolean; maxIo: number; pagesLimit: number },
): InitAnswer => {
  const flags = takeFlags(init.flags, [
    ...wanted,
    ...(wish.carrier === 'uring' ? [initFlag.overIoUring] : []),
    ...(wish.passthrough ? [initFlag.passthrough] : []),
  ])
  const limit = hasFlag(flags, initFlag.maxPages) ? wish.pagesLimit : pagesWithoutMaxPages
  const maxPages = Math.max(1, Math.min(Math.floor(wish.maxIo / pageBytes), limit, 65535))
  return { flags, maxPages, maxWrite: maxPages * pageBytes, maxStackDepth: wish.passthrough ? 1 : 0, maxBackground }
}

/** Bytes that a slot's payload must hold: fuse_uring_register and fuse_dev_do_read refuse less. */
export const payloadBytes = (answer: InitAnswer): number => Math.max(answer.maxWrite, protocol.minReadBuffer)

export const sendInit = (deviceFd: number, init: InitRequest, answer: InitAnswer): void => {
  addon().writeReply(deviceFd, buildInit(init, answer))
}
