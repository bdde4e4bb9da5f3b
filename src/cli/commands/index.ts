/**
 * The commands, in the order of `--help`.
 */
import type { Command } from '../command.js'
import { attachCommandRow } from './attach.js'
import { detachCommandRow } from './detach.js'
import { doctorCommandRow } from './doctor.js'
import { infoCommandRow } from './info.js'
import { listCommandRow } from './list.js'
import { replayCommandRow } from './replay.js'
import { runCommandRow } from './run.js'
import { serveCommandRow } from './serve.js'

export const commands: readonly Command[] = [
  serveCommandRow,
  attachCommandRow,
  detachCommandRow,
  runCommandRow,
  listCommandRow,
  infoCommandRow,
  replayCommandRow,
  doctorCommandRow,
]
