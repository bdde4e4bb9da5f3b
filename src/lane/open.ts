/**
 * Opens the lanes of a volume as planned: all or none.
 *
 * A single lane runs on the calling thread. Several run in workers, and on /dev/fuse each has a clone of the device: a
 * queue of its own for requests that were read, with a lock of its own.
 */
import { errnoName, errnoOf, RingvolError } from '../errors.js'
import type { LaneOptions } from '../native/addon.js'
import type { Mount } from '../transport/mount.js'
import type { LaneHandle, LaneParts } from './handle.js'
import { Lane } from './lane.js'
import type { LanePlan } from './plan.js'
import { WorkerLane } from './worker-lane.js'

export interface LanesRequest extends Omit<LaneParts, 'options'> {
  readonly plan: readonly LanePlan[]
  readonly mount: Mount
  readonly options: Omit<LaneOptions, 'queues' | 'deviceFd' | 'sleepsInRing'>
}

const laneOptions = ({ mount, options }: LanesRequest, { queues, cpu }: LanePlan, index: number): LaneOptions => {
  const ownDevice = options.transport !== 'uring' && index > 0
  const deviceFd = ownDevice ? mount.clone() : mount.deviceFd
  return { ...options, queues, deviceFd, sleepsInRing: cpu !== undefined }
}

const partsOf = (request: LanesRequest, plan: LanePlan, index: number): LaneParts => {
  const { backend, attributes, passthrough, readOnly, logger, heart } = request
  return { options: laneOptions(request, plan, index), backend, attributes, passthrough, readOnly, logger, heart }
}

/** Throws ERR_SYSTEM when memory or descriptors do not suffice, and what a backend of a worker throws. */
export const openLanes = async (request: LanesRequest): Promise<LaneHandle[]> => {
  try {
    return await openAll(request)
  } catch (cause) {
    const errno = errnoOf(cause)
    if (cause instanceof RingvolError || errno === undefined) throw cause
    const { syscall = 'a system call' } = cause as { syscall?: string }
    throw new RingvolError('ERR_SYSTEM', `cannot set up the lanes: ${syscall} fails with ${errnoName(errno)}`, {
      errno,
      syscall,
      advice: 'give a smaller --queue-depth, --max-io or --lanes, or raise the limits of the process (ulimit -a)',
      cause,
    })
  }
}

const openAll = async (request: LanesRequest): Promise<LaneHandle[]> => {
  const [only, ...others] = request.plan
  if (only !== undefined && others.length === 0) return [new Lane(partsOf(request, only, 0))]
  const opened = await Promise.allSettled(
    request.plan.map((plan, index) =>
      WorkerLane.open(partsOf(request, plan, index), { cpu: plan.cpu, loop: index + 1 }),
    ),
  )
  const lanes = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const failed = opened.find((result) => result.status === 'rejected')
  if (failed !== undefined) {
    await Promise.allSettled(lanes.map((lane) => lane.close()))
    throw failed.reason
  }
  return lanes
}
