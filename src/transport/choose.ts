/**
 * Which transport a volume gets, and the one sentence that says why.
 *
 * Pure: everything it weighs is in its argument, so every branch is a unit test. `passthrough` is not a way for
 * requests to arrive: the kernel moves the data itself, and everything else still comes through a carrier.
 */
import { RingvolError } from '../errors.js'
import type { LaneTransport } from '../native/addon.js'
import { type TransportName, transportNames } from './transport.js'

export interface TransportFacts {
  /** The kernel offered FUSE_OVER_IO_URING in this connection's INIT. */
  readonly offersUring: boolean
  /** The kernel offered FUSE_PASSTHROUGH in this connection's INIT. */
  readonly offersPassthrough: boolean
  /** What the backend offers to the kernel: nothing (the bytes must be seen), a device, or a regular file. */
  readonly file: 'none' | 'device' | 'regular'
  /** Bytes; what direct I/O on that file asks for. */
  readonly fileAlignment: number
  /** The module parameter: `on`, `off`, or `absent`. */
  readonly overIoUring: 'on' | 'off' | 'absent'
  readonly ioUring: { readonly available: boolean; readonly reason: string; readonly features: readonly string[] }
}

export interface TransportChoice {
  readonly transport: TransportName
  /** The one that carries requests; the same unless `transport` is passthrough. */
  readonly carrier: LaneTransport
  readonly reason: string
}

interface Obstacle {
  readonly why: string
  readonly advice?: string
}

const needed = ['sqe128', 'uring-cmd'] as const

/** Sectors of a loop device, unless it was told otherwise: passed on as they come, so the image must take them. */
const sectorBytes = 512

const passthroughObstacle = (facts: TransportFacts): Obstacle | undefined => {
  if (facts.file === 'none') return { why: 'the backend or a layer must see the bytes, so no passthrough' }
  if (facts.file === 'device') return { why: 'the kernel does passthrough on regular files only' }
  if (!facts.offersPassthrough) return { why: 'this kernel does not offer passthrough' }
  if (facts.fileAlignment > sectorBytes) {
    return { why: `direct I/O on this image needs ${String(facts.fileAlignment)}-byte blocks, so no passthrough` }
  }
  return undefined
}

const uringObstacle = (facts: TransportFacts): Obstacle | undefined => {
  if (facts.overIoUring === 'absent') {
    return { why: 'this kernel has no FUSE-over-io_uring', advice: 'use --transport classic' }
  }
  if (facts.overIoUring === 'off') {
    return {
      why: 'FUSE-over-io_uring is switched off (enable_uring=N)',
      advice: 'switch it on with `ringvol doctor --fix`, or as root: echo Y > /sys/module/fuse/parameters/enable_uring',
    }
  }
  const missing = needed.filter((feature) => !facts.ioUring.features.includes(feature))
  if (missing.length > 0) return { why: `this kernel's io_uring lacks ${missing.join(' and ')}` }
  if (!facts.offersUring) return { why: 'the kernel does not offer FUSE-over-io_uring on this mount' }
  return undefined
}

/** undefined when the transport can run, else why it cannot and what to do about it. */
const obstacle = (transport: TransportName, facts: TransportFacts): Obstacle | undefined => {
  if (transport === 'syscall') return undefined
  if (transport === 'passthrough') return passthroughObstacle(facts)
  if (!facts.ioUring.available) return { why: facts.ioUring.reason, advice: 'use --transport syscall' }
  return transport === 'classic' ? undefined : uringObstacle(facts)
}

const praise: Readonly<Record<TransportName, string>> = {
  passthrough: 'the kernel moves the data of a raw image itself',
  uring: 'the kernel offers FUSE-over-io_uring',
  classic: '/dev/fuse driven by io_uring',
  syscall: 'plain read and write on /dev/fuse',
}

/** The best of `names` that runs. `syscall` always does. */
const best = (names: readonly TransportName[], facts: TransportFacts): { name: TransportName; reason: string } => {
  const passedOver = new Set<string>()
  for (const name of names) {
    const problem = obstacle(name, facts)
    if (problem === undefined) return { name, reason: [...passedOver, praise[name]].join('; ') }
    passedOver.add(problem.why)
  }
  return { name: 'syscall', reason: [...passedOver, praise.syscall].join('; ') }
}

const carriers = transportNames.filter((name): name is LaneTransport => name !== 'passthrough')

export const chooseCarrier = (facts: TransportFacts): TransportChoice => {
  const { name, reason } = best(carriers, facts)
  return { transport: name, carrier: name as LaneTransport, reason }
}

const withCarrier = (transport: TransportName, reason: string, facts: TransportFacts): TransportChoice => {
  if (transport !== 'passthrough') return { transport, carrier: transport, reason }
  const { carrier, reason: why } = chooseCarrier(facts)
  return { transport, carrier, reason: `${reason}; requests over ${carrier}: ${why}` }
}

/** Throws ERR_TRANSPORT when the requested one cannot run. */
export const chooseTransport = (requested: TransportName | 'auto', facts: TransportFacts): TransportChoice => {
  if (requested !== 'auto') {
    const problem = obstacle(requested, facts)
    if (problem !== undefined) {
      throw new RingvolError('ERR_TRANSPORT', `transport ${requested} is not available: ${problem.why}`, {
        advice: problem.advice ?? 'use --transport auto',
      })
    }
    return withCarrier(requested, `requested; ${praise[requested]}`, facts)
  }
  const { name, reason } = best(transportNames, facts)
  return withCarrier(name, reason, facts)
}
