/**
 * The thread of a worker lane: pins itself, makes the lane, and does what the main thread says.
 *
 * Pinned to the CPU whose kernel queue it serves, a request is answered where it was asked: no wake-up of another CPU,
 * which is most of the latency at queue depth 1. Such a lane sleeps inside its ring (native/ring/ring_sleep.h), so this
 * thread's messages and timers may be some milliseconds late.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Logger } from '../log.js'
import { addon } from '../native/addon.js'
import { AskingBackend } from './asking-backend.js'
import { Lane } from './lane.js'
import { type FromWorker, toPlainError, type ToWorker, type WorkerData } from './messages.js'

const publishEveryMs = 100

const data = workerData as WorkerData
const post = (message: FromWorker): void => {
  parentPort?.postMessage(message)
}

/** The two levels that a lane uses, said by the main thread's logger. */
const log = (level: 'debug' | 'warn') => (fields: object, message: string) => {
  post({ type: 'log', level, fields, message })
}
const logger = { debug: log('debug'), warn: log('warn') } as unknown as Logger

const run = (): void => {
  if (data.cpu !== undefined) addon().pinThread(data.cpu)
  const backend = new AskingBackend(data.backend, post)
  const { options, attributes, passthrough, readOnly } = data
  const lane = new Lane({ options, backend, attributes, passthrough, readOnly, logger })
  const counters = new Float64Array(data.counters)
  const publish = (): void => {
    lane.publish(counters)
  }
  const publishing = setInterval(publish, publishEveryMs)
  const { heart } = data
  if (heart !== undefined) setInterval(() => { addon().beat(heart.control, heart.loop) }, heart.everyMs).unref() // prettier-ignore
  const obey = async (message: ToWorker): Promise<void> => {
    switch (message.type) {
      case 'start':
        void lane.start().then((errno) => {
          post({ type: 'ended', errno })
        })
        await lane.begun()
        post({ type: 'begun' })
        return
      case 'drain':
        post({ type: 'drained', empty: await lane.drain(message.deadlineMs) })
        return
      case 'answer':
        backend.answered(message.id, message.value, message.error)
        return
      case 'close':
        publish()
        clearInterval(publishing)
        post({ type: 'closed', settled: await lane.close() })
        parentPort?.close() // nothing keeps the thread alive now
    }
  }
  parentPort?.on('message', (message: ToWorker) => void obey(message))
  post({ type: 'ready', features: lane.features, missing: lane.missing })
}

try {
  run()
} catch (error) {
  post({ type: 'refused', error: toPlainError(error) })
}
