/**
 * From samples of a soak to its verdict: did the daemons grow?
 *
 * What a volume takes in its first moments (slabs touched, code compiled) is no growth, so the first fifth is left out;
 * then the last fifth is compared with the one after the first.
 */
import { type Usage } from './meter.js'
import { median } from './statistics.js'

export interface SoakSummary {
  /** Bytes: median of the second fifth, of the last, and the most there ever was. */
  readonly settled: number
  readonly end: number
  readonly peak: number
  /** Bytes a minute, the median of all pairs of samples after the first fifth: single steps do not tilt it. */
  readonly slope: number
  readonly descriptors: readonly [settled: number, end: number]
  readonly threads: readonly [settled: number, end: number]
  readonly grew: boolean
}

/** A heap breathes by this much: the more of both counts. */
const breath = { bytes: 2 * 1024 ** 2, share: 0.02 }

const slopeOf = (samples: readonly Usage[]): number =>
  median(
    samples.flatMap((a, index) =>
      samples.slice(index + 1).map((b) => ((b.resident - a.resident) / (b.seconds - a.seconds)) * 60),
    ),
  )

/** At most so many, evenly taken: pairs grow with the square. */
const thin = <T>(items: readonly T[], most: number): T[] => {
  const step = Math.max(1, Math.ceil(items.length / most))
  return items.filter((_, index) => index % step === 0)
}

export const summarizeSoak = (samples: readonly Usage[]): SoakSummary => {
  const fifth = Math.floor(samples.length / 5)
  const second = samples.slice(fifth, fifth * 2)
  const last = samples.slice(samples.length - fifth)
  const both = (value: (usage: Usage) => number): readonly [number, number] => [
    median(second.map(value)),
    median(last.map(value)),
  ]
  const [settled, end] = both(({ resident }) => resident)
  const descriptors = both((usage) => usage.descriptors)
  const threads = both((usage) => usage.threads)
  return {
    settled,
    end,
    peak: Math.max(...samples.map(({ resident }) => resident)),
    slope: slopeOf(thin(samples.slice(fifth), 300)),
    descriptors,
    threads,
    grew:
      end - settled > Math.max(breath.bytes, settled * breath.share) ||
      descriptors[1] > descriptors[0] ||
      threads[1] > threads[0],
  }
}
