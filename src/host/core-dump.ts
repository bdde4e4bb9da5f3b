/**
 * What users keep on a volume does not belong into a core dump.
 *
 * The slots of a lane are left out by the addon (MADV_DONTDUMP), which is all the payload there is where the ring moves
 * it between slot and file. Where it passes through JavaScript (`memory:`, modules, layers) it may be anywhere on the
 * heap, so nothing anonymous is dumped: the core then has registers and mappings, no memory. To debug such a daemon,
 * `echo 0x33 > /proc/PID/coredump_filter` brings the heap back (core(5)).
 */
import { writeFile } from 'node:fs/promises'
import type { Backend } from '../backend/backend.js'
import type { Logger } from '../log.js'
import { systemRoots, type Roots } from './roots.js'

/** ELF headers of mapped files only, so that a core still says what was loaded. */
const withoutMemory = '0x10'

/** Call it when the backend is open. A kernel without the file is one without core dumps of this kind. */
export const keepOutOfCoreDumps = async (
  { name, file }: Pick<Backend, 'name' | 'file'>,
  logger: Logger,
  roots: Roots = systemRoots(),
): Promise<void> => {
  if (file !== undefined) return
  await writeFile(`${roots.proc}/self/coredump_filter`, withoutMemory).catch((error: unknown) => {
    logger.debug(`core dumps may hold what is on ${name}: ${String(error)}`)
  })
}
