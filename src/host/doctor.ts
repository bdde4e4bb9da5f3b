/**
 * What this machine offers a volume: runs the probes, and repairs what can be repaired when asked to.
 *
 * Each probe is a row of probes.ts. A probe tries the thing itself, never concludes it from a version; one that fails
 * unexpectedly is a row too, since a doctor that dies of the illness helps nobody.
 */
import type { Logger } from '../log.js'
import { probes } from './probes.js'
import { systemRoots, type Roots } from './roots.js'

export type FindingState = 'ok' | 'degraded' | 'missing'

export interface Finding {
  readonly name: string
  /** `missing`: ringvol cannot work. `degraded`: it works, with the cost named. */
  readonly state: FindingState
  /** What was found: a value, an errno, a path. */
  readonly found: string
  /** What it costs; absent when ok. */
  readonly cost?: string
  /** What to do; absent when ok. */
  readonly advice?: string
  /** `doctor --fix` can do it. */
  readonly fixable: boolean
}

/** What a probe answers. `fix` is described by `fixing`, which is said before it is done. */
export interface ProbeResult extends Omit<Finding, 'name' | 'fixable'> {
  readonly fix?: { readonly fixing: string; readonly apply: () => Promise<void> }
}

export interface Probe {
  readonly name: string
  readonly probe: (context: ProbeContext) => ProbeResult | Promise<ProbeResult>
}

export interface ProbeContext {
  readonly logger: Logger
  readonly roots: Roots
}

const runProbe = async ({ probe }: Probe, context: ProbeContext): Promise<ProbeResult> => {
  try {
    return await probe(context)
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error)
    return { state: 'degraded', found, cost: 'unknown: it could not be looked at', advice: 'run doctor as root' }
  }
}

export interface DoctorOptions {
  /** Repairs what it can, saying so first; default false. */
  readonly fix?: boolean
  readonly logger: Logger
  readonly roots?: Roots
  readonly probes?: readonly Probe[]
}

/** Findings in the order of the table; after repairs if `fix` is set. */
export const examine = async (options: DoctorOptions): Promise<Finding[]> => {
  const context = { logger: options.logger, roots: options.roots ?? systemRoots() }
  const findings: Finding[] = []
  for (const row of options.probes ?? probes) {
    let result = await runProbe(row, context)
    if (options.fix === true && result.fix !== undefined) {
      options.logger.info(result.fix.fixing)
      try {
        await result.fix.apply()
      } catch (error) {
        options.logger.error(error instanceof Error ? error.message : String(error))
      }
      result = await runProbe(row, context)
    }
    const { fix, ...finding } = result
    findings.push({ name: row.name, ...finding, fixable: fix !== undefined })
  }
  return findings
}

/** true if ringvol cannot do its main job here. */
export const lacksSomething = (findings: readonly Finding[]): boolean =>
  findings.some((finding) => finding.state === 'missing')
