/**
 * Mounts as the kernel lists them, without touching any: a stat on a FUSE mount whose daemon hangs would hang too.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const connections = '/sys/fs/fuse/connections'

export interface Mount {
  readonly path: string
  readonly type: string
  readonly source: string
  /** Minor device number; of a FUSE mount it is also the connection's number under /sys/fs/fuse/connections. */
  readonly minor: number
}

const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))

/** Mounts at or below a directory, in the order they were made. */
export const mountsUnder = (directory: string): Mount[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const fields = line.split(' ')
      const rest = fields.slice(fields.indexOf('-') + 1)
      const path = unescape(fields[4] ?? '')
      if (path !== directory && !path.startsWith(`${directory}/`)) return []
      return [
        { path, type: rest[0] ?? '', source: unescape(rest[1] ?? ''), minor: Number((fields[2] ?? '').split(':')[1]) },
      ]
    })

/** Aborts every FUSE connection mounted under the directory: all requests in flight and to come end with an error. */
export const abortConnections = (directory: string): void => {
  const mounts = mountsUnder(directory).filter(({ type }) => type.startsWith('fuse'))
  if (mounts.length === 0) return
  if (readdirSync(connections).length === 0)
    spawnSync('mount', ['-t', 'fusectl', 'none', connections], { timeout: 5000 })
  for (const { minor } of mounts) {
    const path = join(connections, String(minor), 'abort')
    if (existsSync(path)) writeFileSync(path, '1')
  }
}
