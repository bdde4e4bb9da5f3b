/**
 * Which transport a volume gets, and the one sentence that says why.
 *
 * Pure: everything it weighs is in its argument, so every branch is a unit test. `passthrough` has its place at the
 * top of the order; it is not built yet, so `auto` passes over it and says nothing.
 */
import { RingvolError } from '../errors.js'
import type { LaneTransport } from '../native/addon.js'
import { type TransportName, transportNames } from './transport.js'

export interface TransportFacts {
  /** The kernel offered FUSE_OVER_IO_URING in this connection's INIT. */
  readonly offersUring: boolean
  /** The module parameter: `on`, `off`, or `absent`. */
  readonly overIoUring: 'on' | 'off' | 'absent'
  readonly ioUring: { readonly available: boolean; readonly reason: string; readonly features: readonly string[] }
}

export interface TransportChoice {
  readonly transport: LaneTransport
  readonly reason: string
}

const needed = ['sqe128', 'uring-cmd'] as const

/** undefined when the transport can run, else why it cannot and what to do about it. */
const obstacle = (transport: TransportName, facts: TransportFacts): { why: string; advice?: string } | undefined => {
  if (transport === 'syscall') return undefined
  if (transport === 'passthrough')
    return { why: 'kernel passthrough is not built into this version', advice: 'use auto' }
  if (!facts.ioUring.available) return { why: facts.ioUring.reason, advice: 'use --transport syscall' }
  if (transport === 'classic') return undefined
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

const praise: Readonly<Record<LaneTransport, string>> = {
  uring: 'the kernel offers FUSE-over-io_uring',
  classic: '/dev/fuse driven by io_uring',
  syscall: 'plain read and write on /dev/fuse',
}

/** Throws ERR_TRANSPORT when the requested one cannot run. */
export const chooseTransport = (requested: TransportName | 'auto', facts: TransportFacts): TransportChoice => {
  if (requested !== 'auto') {
    const problem = obstacle(requested, facts)
    if (problem !== undefined || requested === 'passthrough') {
      throw new RingvolError('ERR_TRANSPORT', `transport ${requested} is not available: ${problem?.why ?? ''}`, {
        advice: problem?.advice ?? 'use --transport auto',
      })
    }
    return { transport: requested, reason: `requested; ${praise[requested]}` }
  }
  const passedOver: string[] = []
  for (const transport of transportNames) {
    if (transport === 'passthrough') continue
    const problem = obstacle(transport, facts)
    if (problem === undefined) return { transport, reason: [...new Set(passedOver), praise[transport]].join('; ') }
    passedOver.push(problem.why)
  }
  throw new RingvolError('ERR_TRANSPORT', 'no transport is available') // unreachable: syscall always runs
}
