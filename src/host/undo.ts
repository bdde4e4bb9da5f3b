/**
 * Steps that are taken back in reverse order when a later one fails, so that a failed start leaves nothing behind.
 */
import type { Logger } from '../log.js'

export class UndoStack {
  readonly #steps: { what: string; undo: () => void | Promise<void> }[] = []

  /** Call it right after the step succeeded, or before it if undoing a step that never happened is harmless. */
  add(what: string, undo: () => void | Promise<void>): void {
    this.#steps.push({ what, undo })
  }

  /** What was begun is complete: nothing is taken back any more. */
  forget(): void {
    this.#steps.length = 0
  }

  /** A step that cannot be undone is a warning: the error that started the undoing is what the caller wants to see. */
  async run(logger: Logger): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.undo()
      } catch (error) {
        logger.warn(`while cleaning up, ${step.what}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
}
