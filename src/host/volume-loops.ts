/**
 * The loop devices of a volume: those over its file, in the words of the kernel.
 *
 * If somebody has unmounted the volume lazily, the kernel prints the path of its file from the root of the mount,
 * `/volume`, which could be anybody's; then only the device that was noted when it was attached is the volume's.
 */
import { listLoops, type LoopDevice } from './loop.js'
import type { Roots } from './roots.js'
import { readDevice, volumePaths, type VolumeState } from './state.js'

/** Of a device of a volume: nothing is mounted at the volume's mountpoint any more. */
export const isUnmounted = ({ backingFile }: LoopDevice): boolean => backingFile === '/volume'

/** The noted one first. */
export const loopsOf = async (state: VolumeState, roots: Roots): Promise<LoopDevice[]> => {
  const noted = (await readDevice(volumePaths(state.name, roots)))?.device
  const loops = (await listLoops(roots)).filter(
    ({ device, backingFile }) =>
      backingFile === `${state.mountpoint}/volume` || (device === noted && backingFile === '/volume'),
  )
  return loops.sort((a, b) => Number(b.device === noted) - Number(a.device === noted))
}
