/**
 * A line per request at debug level, when it is answered: what it was, how long it took, how it ended.
 *
 * Lines go to stderr, synchronously. Never let that be a file on the volume.
 */
import { type Backend } from '../backend/backend.js'
import { isPromise } from '../backend/checked.js'
import { errnoName, errnoOf } from '../errors.js'
import { type Logger } from '../log.js'
import { AroundLayer, type Operation } from './forward.js'
import { parseOptions } from './options.js'
import { type LayerMaker } from './registry.js'

class LogLayer extends AroundLayer {
  readonly #logger: Logger

  constructor(next: Backend, logger: Logger) {
    super(next)
    this.#logger = logger
  }

  protected override around(
    operation: Operation,
    offset: number,
    length: number,
    forward: () => void | Promise<void>,
  ): void | Promise<void> {
    const started = performance.now()
    const write = (result: string): void => {
      const microseconds = Math.round((performance.now() - started) * 1000)
      this.#logger.debug({ offset, length, us: microseconds, result }, `${this.name}: ${operation}`)
    }
    const failed = (error: unknown): never => {
      const errno = errnoOf(error)
      write(errno === undefined ? String(error) : errnoName(errno))
      throw error
    }
    let answer: unknown
    try {
      answer = forward()
    } catch (error) {
      return failed(error)
    }
    if (isPromise(answer)) {
      return Promise.resolve(answer).then(() => {
        write('ok')
      }, failed)
    }
    write('ok')
  }
}

export const logLayer: LayerMaker = (options, { logger }) => {
  parseOptions('log', options, {})
  return (next) => new LogLayer(next, logger)
}
