/**
 * Requests that wait in front of what is below, and go down in the order in which they came.
 *
 * Nothing is dropped and nothing copied: a request that waits keeps its slot, and when all slots wait so does the
 * kernel. That is the back-pressure, and what bounds the queue.
 */
type Forward = () => void | Promise<void>

interface Waiting {
  readonly forward: Forward
  readonly resolve: (answer: void | Promise<void>) => void
  readonly reject: (error: unknown) => void
}

export class Held {
  readonly #waiting: Waiting[] = []

  get size(): number {
    return this.#waiting.length
  }

  /** Settles as `forward` does, once it is released. */
  hold(forward: Forward): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ forward, resolve, reject })
    })
  }

  /** Sends down the first `many`, each started after the one before it; none is waited for. */
  release(many = this.#waiting.length): void {
    for (const { forward, resolve, reject } of this.#waiting.splice(0, many)) {
      try {
        resolve(forward())
      } catch (error) {
        reject(error)
      }
    }
  }
}
