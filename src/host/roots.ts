/**
 * Where the kernel's and ringvol's own trees begin.
 *
 * Every reader of /proc, /sys or /run takes these as its last argument, so that a test shows it a made-up machine and
 * no test needs a real loop device to prove how a table is read.
 */
import { realpathSync } from 'node:fs'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { RingvolError } from '../errors.js'

export interface Roots {
  readonly proc: string
  readonly sys: string
  /** One folder per volume: state, control socket, log. */
  readonly run: string
}

/** The kernel shows mountpoints and backing files without symlinks, and they are compared with paths below `run`. */
const withoutSymlinks = (path: string): string => {
  try {
    return realpathSync(path)
  } catch {
    return path === '/' ? path : join(withoutSymlinks(dirname(path)), basename(path))
  }
}

/** RINGVOL_RUN moves the run directory: for tests, and for people without write access to /run. Throws ERR_USAGE. */
export const systemRoots = (environment: NodeJS.ProcessEnv = process.env): Roots => {
  const run = environment['RINGVOL_RUN'] ?? '/run/ringvol'
  if (!isAbsolute(run)) {
    throw new RingvolError('ERR_USAGE', `RINGVOL_RUN '${run}' is not an absolute path`, { advice: 'begin it with /' })
  }
  return { proc: '/proc', sys: '/sys', run: withoutSymlinks(run) }
}
