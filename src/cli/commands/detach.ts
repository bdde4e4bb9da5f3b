/**
 * `ringvol detach`: devices and volumes off, waiting for the last flush.
 */
import { RingvolError } from '../../errors.js'
import { detachVolume } from '../../host/detach.js'
import { findVolume, listStates } from '../../host/list.js'
import type { Command, CommandContext } from '../command.js'
import { commonOptions } from '../options.js'
import { exitCodeOf } from '../report.js'

const resolveTargets = async (targets: readonly string[], report: CommandContext['report']): Promise<string[]> => {
  const names = new Set<string>()
  for (const target of targets) {
    const name = await findVolume(target)
    if (name !== undefined) names.add(name)
    else report(notFound(target))
  }
  return [...names]
}

const notFound = (target: string): RingvolError =>
  target.startsWith('/dev/')
    ? new RingvolError('ERR_NOT_RUNNING', `${target} is not a device of ringvol`, {
        path: target,
        advice: "see 'ringvol list'; for other loop devices use losetup --detach",
      })
    : new RingvolError('ERR_NOT_RUNNING', `there is no volume '${target}'`, { advice: "see 'ringvol list'" })

export const detachCommandRow: Command = {
  name: 'detach',
  positionals: '[target..]',
  summary: 'detach loop devices, unmount, and wait for the last flush',
  details: [
    'Returns when the image is complete and nothing of the volume is left. A device that is mounted or otherwise in ' +
      'use is not touched; the error says by whom. Volumes whose daemon died are cleaned up: device detached, mount ' +
      'removed.',
    'A daemon that does not answer, because it is stopped or stuck, is named after five seconds; --force kills it: ' +
      'its connection is aborted, so that whoever waits gets an error. Writes that it had answered are in the image ' +
      'or its page cache (a module loses what it kept in memory), others are lost. A killed daemon that cannot end ' +
      'because its storage stands still is cleaned up around, and named.',
    'With several targets, the others are detached even if one fails.',
  ],
  arguments: { target: 'a device, a name or a mountpoint, as `list` shows them' },
  options: ['all', 'force', ...commonOptions],
  examples: [
    ['ringvol detach /dev/loop3', 'by device'],
    ['ringvol detach disk backup', 'by name, two of them'],
    ['ringvol detach --force disk', 'a daemon that hangs'],
    ['ringvol detach --all', 'also cleans up after crashed daemons'],
  ],
  run: async ({ settings, positionals, logger, report }) => {
    const targets = positionals['target'] ?? []
    if (settings.all === targets.length > 0) {
      throw new RingvolError('ERR_USAGE', settings.all ? 'both targets and --all are given' : 'there is no target', {
        advice: 'give devices or names, or --all alone',
      })
    }
    let status = 0
    const fail = (error: unknown): void => {
      report(error)
      status = Math.max(status, exitCodeOf(error))
    }
    const names = settings.all ? (await listStates()).map(({ name }) => name) : await resolveTargets(targets, fail)
    for (const name of names) await detachVolume(name, logger, { force: settings.force }).catch(fail)
    return status
  },
}
