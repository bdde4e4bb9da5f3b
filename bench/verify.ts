/**
 * After the timing, never in it: is every byte what it should be?
 *
 * A wrong byte is recorded and the checks go on, so that a report names all that is wrong; the run fails at its end.
 */
import { RingvolError } from '../src/errors.js'
import { formatSize } from '../src/units.js'
import { type Context } from './context.js'
import { checkFilesystem } from './filesystem.js'
import { type Place, readAreaCheck, runFio, writeAreaCheck, writeThenVerify } from './fio.js'
import { type TargetName } from './plan.js'
import { type System } from './system.js'

/** In quick runs only so much of the write area is written and read back. */
const quickBytes = 32 * 1024 ** 2

const runCheck = async (
  context: Context,
  system: System,
  target: TargetName,
  check: string,
  jobs: string[],
  detail: string,
): Promise<void> => {
  try {
    await runFio(jobs, { cwd: context.directory, signal: context.signal, seconds: 600 })
    context.checks.push({ system: system.name, target, check, ok: true, detail })
  } catch (error) {
    context.signal.throwIfAborted()
    if (!(error instanceof RingvolError)) throw error
    context.checks.push({ system: system.name, target, check, ok: false, detail: error.message })
  }
}

const verifyPlace = async (
  context: Context,
  system: System,
  target: TargetName,
  place: Place,
  untouched: boolean,
): Promise<void> => {
  const length = context.settings.quick ? Math.min(place.write.length, quickBytes) : place.write.length
  const part: Place = { ...place, write: { ...place.write, length } }
  const check = (name: string, jobs: string[], detail: string): Promise<void> =>
    runCheck(context, system, target, name, jobs, detail)
  await check('read area', readAreaCheck(place), `${formatSize(place.read.length)} still as filled in`)
  if (untouched) {
    const size = formatSize(place.write.length)
    await check('write area', writeAreaCheck(place), `${size} hold only what the timed writes wrote`)
  }
  await check(
    'write and read back',
    writeThenVerify(part),
    `${formatSize(length)} in random 4K writes, 256 in flight, crc32c`,
  )
}

/**
 * Leaves the system attached and unmounted. `untouched`: nothing has been verified in its store since the timing, which
 * ends with other data in the write area; with a store of its own always true.
 */
export const verifySystem = async (
  context: Context,
  system: System,
  target: TargetName,
  untouched: boolean,
): Promise<void> => {
  if (!system.holdsData) {
    context.checks.push({
      system: system.name,
      target,
      check: 'data',
      ok: true,
      detail: 'not checked: this backend holds no data',
    })
    return
  }
  const place = await context.rig.place(system, target)
  await verifyPlace(context, system, target, place, untouched)
  if (target !== 'file') return
  await context.rig.unmount(system)
  const { device } = await context.rig.open(system)
  context.checks.push({
    system: system.name,
    target,
    check: 'e2fsck of the device',
    ...(await checkFilesystem(device)),
  })
}
