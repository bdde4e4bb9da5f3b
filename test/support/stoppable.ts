/**
 * An image whose storage can be made to stand still: it is the volume of another daemon, which is stopped with SIGSTOP.
 *
 * Whatever asks for a byte of it then waits inside the kernel, as for a dead network file system. So that this is
 * always undone, a watcher lets the daemon go on after a deadline, whatever becomes of the test.
 */
import { readFileSync } from 'node:fs'
import { attempt, start, until, type Running } from './process.js'
import { serve, sparseImage } from './ringvol.js'

export interface StoppableImage {
  readonly path: string
  readonly pid: number
  /** For at most `seconds`. */
  stop(seconds?: number): Promise<void>
  goOn(): Promise<void>
  close(): Promise<void>
}

const stateOf = (pid: number): string =>
  /^State:\s*(\S)/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? '?'

export const stoppableImage = async (bytes: number): Promise<StoppableImage> => {
  const served = await serve(sparseImage(bytes), ['--transport', 'syscall', '--name', 'storage'])
  const { pid } = served.status
  let rescue: Running | undefined
  return {
    path: served.volume,
    pid,
    stop: async (seconds = 20) => {
      const script = `setTimeout(() => process.kill(${String(pid)}, 'SIGCONT'), ${String(seconds * 1000)})`
      rescue = start(process.execPath, ['-e', script])
      process.kill(pid, 'SIGSTOP')
      await until('the storage stands still', () => stateOf(pid) === 'T')
    },
    goOn: async () => {
      process.kill(pid, 'SIGCONT')
      rescue?.child.kill('SIGKILL')
      await rescue?.ended()
      rescue = undefined
    },
    close: async () => {
      // Tried again: the kernel lets go of a ring's files some time after the daemon that had it is gone.
      await until('nobody has it open', async () => (await attempt('umount', [served.status.mountpoint])).code === 0)
      await served.daemon.ended()
    },
  }
}
