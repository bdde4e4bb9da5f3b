/**
 * Loop devices, through util-linux's losetup: it opens the volume, so it has to be another process than the one that
 * serves it, and people find the same device in `losetup --list`.
 *
 * State is read from /sys/block/loopN/loop and not by opening the device: an open device cannot be detached, so
 * looking would disturb others.
 */
import { readdir, readFile } from 'node:fs/promises'
import { RingvolError } from '../errors.js'
import { deadlines } from './deadlines.js'
import { blockHolders, openers, type Holder } from './holders.js'
import { until } from './poll.js'
import { reasonIn, runProgram } from './program.js'
import { systemRoots, type Roots } from './roots.js'

export interface LoopDevice {
  /** `/dev/loop3` */
  readonly device: string
  /** As the kernel prints it: absolute, with ` (deleted)` behind it if the file has no name any more. */
  readonly backingFile: string
  readonly readOnly: boolean
  readonly directIo: boolean
}

const attribute = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').then(
    (text) => text.replace(/\n$/, ''),
    () => undefined,
  )

const readLoop = async (name: string, { sys }: Roots): Promise<LoopDevice | undefined> => {
  const folder = `${sys}/block/${name}`
  const backingFile = await attribute(`${folder}/loop/backing_file`)
  if (backingFile === undefined) return undefined
  const [ro, dio] = await Promise.all([attribute(`${folder}/ro`), attribute(`${folder}/loop/dio`)])
  return { device: `/dev/${name}`, backingFile, readOnly: ro === '1', directIo: dio === '1' }
}

/** The loop devices that have a file. */
export const listLoops = async (roots: Roots = systemRoots()): Promise<LoopDevice[]> => {
  const names = (await readdir(`${roots.sys}/block`)).filter((name) => /^loop\d+$/.test(name))
  const loops = await Promise.all(names.map((name) => readLoop(name, roots)))
  return loops.filter((loop) => loop !== undefined)
}

/** Loop devices over this path. */
export const loopsOver = async (path: string, roots: Roots = systemRoots()): Promise<LoopDevice[]> =>
  (await listLoops(roots)).filter((loop) => loop.backingFile === path)

const isOver = async (device: string, backingFile: string, roots: Roots): Promise<boolean> =>
  (await readLoop(device.slice('/dev/'.length), roots))?.backingFile === backingFile

const sentence = (holders: readonly Holder[]): string => holders.map(({ text }) => text).join(', ')

/**
 * Detaches and waits until the device really is free: `losetup --detach` only asks, the kernel lets go at the last
 * close. Throws ERR_LOOP, naming the holder, if it is mounted, swapped on or stacked on (nothing is changed then), or
 * if
 * somebody still has it open after the deadline.
 */
export const detachLoop = async (
  { device, backingFile }: Pick<LoopDevice, 'device' | 'backingFile'>,
  roots: Roots = systemRoots(),
): Promise<void> => {
  const holders = await blockHolders(device, roots)
  if (holders.length > 0) {
    throw new RingvolError('ERR_LOOP', `cannot detach ${device}: ${sentence(holders)}`, {
      path: device,
      advice: holders[0]?.cure ?? 'let go of it first',
    })
  }
  if (!(await isOver(device, backingFile, roots))) return
  const result = await runProgram('losetup', ['--detach', device], deadlines.losetup)
  const gone = async (): Promise<boolean> => !(await isOver(device, backingFile, roots))
  if (result.code !== 0 && !(await gone())) {
    throw new RingvolError('ERR_LOOP', `cannot detach ${device}: ${reasonIn('losetup', result)}`, { path: device })
  }
  if (await until(gone, { deadline: deadlines.loopGone })) return
  const late = [...(await blockHolders(device, roots)), ...(await openers((target) => target === device, roots))]
  const who = late.length === 0 ? 'somebody in another mount or pid namespace holds it' : sentence(late)
  throw new RingvolError('ERR_LOOP', `${device} is still busy: ${who}`, {
    path: device,
    advice: 'it detaches by itself at the last close; end that, then detach again',
  })
}

export interface AttachLoopOptions {
  readonly readOnly?: boolean | undefined
  /** Logical block size of the device in bytes: 512 or 4096; default 512. */
  readonly sectorSize?: number | undefined
}

/**
 * Attaches a free loop device with direct I/O and returns it. Throws ERR_LOOP, with nothing left attached, if losetup
 * fails or if direct I/O did not come on: older versions of losetup leave the device attached without it and say so
 * only by
 * their exit status.
 */
export const attachLoop = async (
  volume: string,
  { readOnly = false, sectorSize }: AttachLoopOptions = {},
  roots: Roots = systemRoots(),
): Promise<string> => {
  const before = new Set((await loopsOver(volume, roots)).map((loop) => loop.device))
  const added = async (): Promise<LoopDevice[]> =>
    (await loopsOver(volume, roots)).filter((loop) => !before.has(loop.device))
  const result = await runProgram(
    'losetup',
    [
      '--find',
      '--show',
      '--direct-io=on',
      ...(readOnly ? ['--read-only'] : []),
      ...(sectorSize === undefined ? [] : ['--sector-size', String(sectorSize)]),
      volume,
    ],
    deadlines.losetup,
  ).catch(async (error: unknown) => {
    // It may have got as far as attaching. One that is held by a losetup that hangs goes with it.
    for (const loop of await added()) await detachLoop(loop, roots).catch(() => undefined)
    throw error
  })
  const attached = await added()
  const mine = attached.find((loop) => loop.device === result.stdout.trim())
  if (result.code === 0 && mine?.directIo === true) return mine.device
  for (const loop of attached) await detachLoop(loop, roots)
  const reason = result.code === 0 ? 'direct I/O did not come on' : reasonIn('losetup', result)
  throw new RingvolError('ERR_LOOP', `cannot attach a loop device to ${volume}: ${reason}`, {
    path: volume,
    advice: "'ringvol doctor' checks loop devices and losetup",
  })
}
