/**
 * `ringvol doctor`: what this kernel and machine offer.
 */
import { examine, lacksSomething, type Finding } from '../../host/doctor.js'
import type { Command } from '../command.js'
import { commonOptions } from '../options.js'
import { formatTable } from '../table.js'

/** The table, then for each finding that is not ok what it costs and what to do. */
export const formatFindings = (findings: readonly Finding[]): string => {
  const table = formatTable([
    ['CHECK', 'STATE', 'FOUND'],
    ...findings.map(({ name, state, found }) => [name, state, found]),
  ])
  const troubles = findings
    .filter(({ state }) => state !== 'ok')
    .map(({ name, cost = '', advice = '' }) => `\n${name}\n  costs: ${cost}\n  to do: ${advice}\n`)
  return table + troubles.join('')
}

export const doctorCommandRow: Command = {
  name: 'doctor',
  positionals: '',
  summary: 'check what this kernel and machine offer',
  details: [
    'Each check is ok, degraded (it works, at the cost that is named) or missing (it cannot work). The exit status ' +
      'is 3 if something is missing, else 0.',
    '--fix switches FUSE-over-io_uring on until the next boot, and cleans up after daemons that died; it says so ' +
      'first.',
  ],
  arguments: {},
  options: ['json', 'fix', ...commonOptions],
  examples: [
    ['ringvol doctor', 'a table, costs and advice'],
    ['sudo ringvol doctor --fix', 'switch on what can be switched on'],
  ],
  run: async ({ settings, logger, print }) => {
    const findings = await examine({ fix: settings.fix, logger })
    print(settings.json ? `${JSON.stringify({ checks: findings })}\n` : formatFindings(findings))
    return lacksSomething(findings) ? 3 : 0
  },
}
