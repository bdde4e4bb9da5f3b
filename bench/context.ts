/**
 * What the parts of a run share: settings, the rig, and the lists that grow into the result file.
 */
import { type Settings } from './options.js'
import { type Progress } from './progress.js'
import { type CheckRecord, type RunRecord, type SoakRecord } from './results.js'
import { type Rig } from './rig.js'
import { type System } from './system.js'

export interface Context {
  readonly settings: Settings
  readonly rig: Rig
  readonly progress: Progress
  /** Aborted by Ctrl-C; its reason is thrown by whatever was going on. */
  readonly signal: AbortSignal
  /** Where fio may put its scratch files. */
  readonly directory: string
  /** Systems that gave wrong data: what they would still measure means nothing, so they are left out from then on. */
  readonly disqualified: Set<System>
  /** fio's options by pattern. */
  readonly fio: Record<string, string>
  readonly runs: RunRecord[]
  readonly soaks: SoakRecord[]
  readonly checks: CheckRecord[]
  readonly warnings: string[]
}
