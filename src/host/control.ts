/**
 * The control socket: how `list`, `info` and `detach` talk to a daemon.
 *
 * One JSON line in, one JSON line out, then the connection ends. Who may connect is decided twice: the socket is 0600
 * in a folder that is 0700, and the kernel says who is at the other end: root, or the user that the daemon runs as.
 */
import { chmod } from 'node:fs/promises'
import { createConnection, createServer, type Socket } from 'node:net'
import { orLate } from '../deadline.js'
import { errnoName, errnoOf, errorCodes, RingvolError, type ErrorCode } from '../errors.js'
import type { Logger } from '../log.js'
import { addon } from '../native/addon.js'
import type { Pending, Volume, VolumeCounters, VolumeStatus } from '../volume.js'
import { deadlines } from './deadlines.js'

export type ControlRequest = { readonly command: 'status' } | { readonly command: 'stop'; readonly force: boolean }

export interface ControlStatus {
  readonly status: VolumeStatus
  readonly counters: VolumeCounters
  readonly pending: Pending
  /** What the ring uses, and what this kernel refused it. */
  readonly features: Volume['features']
}

type Reply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string }

export interface ControlHandlers {
  status(): ControlStatus
  /** Resolves when everything is flushed and unmounted. */
  stop(force: boolean): Promise<void>
}

export interface ControlServer {
  /** Takes no more connections, and resolves when those that wait for an answer have it (within a second). */
  close(): Promise<void>
}

/** sun_path of unix(7) holds 108 bytes with the closing zero. */
const pathBytes = 107
/** Longer than any request or reply; a peer that sends more without a newline is not one of ours. */
const lineBytes = 65_536

const answer = async (line: string, handlers: ControlHandlers): Promise<unknown> => {
  const request = JSON.parse(line) as { command?: unknown; force?: unknown }
  if (request.command === 'status') return handlers.status()
  if (request.command === 'stop') return handlers.stop(request.force === true)
  throw new RingvolError('ERR_USAGE', `the daemon knows no command ${JSON.stringify(request.command)}`)
}

const failure = (error: unknown): Reply => ({
  ok: false,
  code: error instanceof RingvolError ? error.code : 'ERR_DAEMON',
  message: error instanceof Error ? error.message : String(error),
})

/** Calls back with the first line; drops a peer that sends none within bounds. */
const onLine = (socket: Socket, callback: (line: string) => void): void => {
  let text = ''
  let done = false
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    if (done) return
    text += chunk
    const end = text.indexOf('\n')
    if (end < 0 && text.length > lineBytes) socket.destroy()
    if (end < 0) return
    done = true
    callback(text.slice(0, end))
  })
}

/** Resolves when the reply has left, or cannot any more. Never rejects. */
const reply = async (socket: Socket, line: string, handlers: ControlHandlers): Promise<void> => {
  const result = await answer(line, handlers).then((value): Reply => ({ ok: true, value }), failure)
  if (socket.destroyed) return
  await new Promise<void>((resolve) => {
    socket.once('close', resolve)
    socket.end(`${JSON.stringify(result)}\n`, resolve)
  })
}

export type PeerUser = (socket: Socket) => number | undefined

/** Node has no name for the descriptor of a socket; a socket without one is of nobody. */
const userBehind: PeerUser = (socket) => {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: number } }
  try {
    return handle?.fd === undefined || handle.fd < 0 ? undefined : addon().peerUser(handle.fd)
  } catch {
    return undefined
  }
}

const refusal: Reply = { ok: false, code: 'ERR_PERMISSION', message: 'the daemon belongs to another user; run as root' }

/** The promises in `pending` are of replies that are still owed. */
const serveSocket = (
  socket: Socket,
  handlers: ControlHandlers,
  pending: Set<Promise<void>>,
  { logger, peerUser }: { logger: Logger; peerUser: PeerUser },
): void => {
  socket.on('error', (error) => {
    logger.debug(`control socket: ${error.message}`)
  })
  const user = peerUser(socket)
  if (user !== 0 && user !== process.geteuid?.()) {
    logger.warn(`refused user ${String(user ?? 'unknown')} at the control socket`)
    // Read and let be, or the peer's writing would fail before it sees the answer; but not for ever.
    socket.resume().setTimeout(deadlines.farewell, () => socket.destroy())
    socket.end(`${JSON.stringify(refusal)}\n`)
    return
  }
  onLine(socket, (line) => {
    const owed = reply(socket, line, handlers).finally(() => pending.delete(owed))
    pending.add(owed)
  })
}

const checkPath = (path: string): void => {
  if (Buffer.byteLength(path) <= pathBytes) return
  throw new RingvolError('ERR_NAME', `the path of the control socket, ${path}, is too long for a socket`, {
    path,
    advice: 'choose a shorter --name or RINGVOL_RUN',
  })
}

/** Throws ERR_NAME if the path is too long for a socket, ERR_DAEMON if it cannot listen, or not privately. */
export const listenControl = async (
  path: string,
  handlers: ControlHandlers,
  logger: Logger,
  peerUser: PeerUser = userBehind,
): Promise<ControlServer> => {
  checkPath(path)
  const pending = new Set<Promise<void>>()
  // Half open: a client may end its side after the request, as `nc` does.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    serveSocket(socket, handlers, pending, { logger, peerUser })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(new RingvolError('ERR_DAEMON', `cannot listen on ${path}: ${error.message}`, { path, cause: error }))
    })
    server.listen(path, resolve)
  })
  try {
    await chmod(path, 0o600)
  } catch (cause) {
    server.close() // it would keep the process alive
    const reason = errnoName(errnoOf(cause) ?? 0)
    throw new RingvolError('ERR_DAEMON', `cannot close ${path} to others: ${reason}`, { path, cause })
  }
  return {
    close: async () => {
      server.close()
      await orLate(Promise.all(pending), deadlines.farewell, undefined)
    },
  }
}

const parseReply = (text: string): unknown => {
  const reply = JSON.parse(text) as Reply
  if (reply.ok) return reply.value
  throw new RingvolError(reply.code in errorCodes ? reply.code : 'ERR_DAEMON', reply.message)
}

const ask = (path: string, request: ControlRequest, deadline: number): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const socket = createConnection(path)
    const fail = (reason: string, cause?: unknown): void => {
      socket.destroy()
      reject(new RingvolError('ERR_DAEMON', `the daemon behind ${path} does not answer: ${reason}`, { path, cause }))
    }
    socket.setTimeout(deadline, () => {
      fail(`nothing came in ${String(deadline)} ms`)
    })
    socket.on('error', (error) => {
      fail(error.message, error)
    })
    socket.on('end', () => {
      fail('it closed the connection')
    })
    onLine(socket, (line) => {
      socket.destroy()
      try {
        resolve(parseReply(line))
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    })
    socket.on('connect', () => {
      socket.write(`${JSON.stringify(request)}\n`)
    })
  })

/** Throws ERR_DAEMON if the daemon does not answer. */
export const askStatus = async (path: string, deadline: number = deadlines.control): Promise<ControlStatus> =>
  (await ask(path, { command: 'status' }, deadline)) as ControlStatus

/** Resolves when the volume is flushed and unmounted. Throws what stopping it threw, or ERR_DAEMON. */
export const askStop = async (path: string, force: boolean): Promise<void> => {
  await ask(path, { command: 'stop', force }, deadlines.stop)
}
