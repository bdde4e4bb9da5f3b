/**
 * `ringvol list`: the volumes of this machine.
 */
import { listVolumes, type ListedVolume } from '../../host/list.js'
import { formatAge, formatSize } from '../../units.js'
import type { Command } from '../command.js'
import { commonOptions } from '../options.js'
import { formatTable } from '../table.js'

const heading = ['NAME', 'DEVICE', 'SIZE', 'ACCESS', 'TRANSPORT', 'LANES', 'STATE', 'OLDEST', 'PID', 'SOURCE']

const row = (volume: ListedVolume): string[] => [
  volume.name,
  volume.device ?? '-',
  formatSize(volume.size),
  volume.readOnly ? 'ro' : 'rw',
  volume.transport,
  String(volume.lanes),
  volume.state,
  volume.oldestRequestMs === null ? '-' : formatAge(volume.oldestRequestMs),
  String(volume.pid),
  volume.source,
]

export const listCommandRow: Command = {
  name: 'list',
  positionals: '',
  summary: 'show the volumes of this machine',
  details: [
    'With --json: `{ "volumes": [ ... ] }`, each as in the ready line of serve, with `state`: `serving`, or `dead` ' +
      'when its daemon is gone and `detach` has to clean up, or `silent` when it lives and does not answer within two ' +
      'seconds; `inFlight`: requests that it has taken in and not answered; and `oldestRequestMs`: the age of the ' +
      'oldest of them, OLDEST in the table. With passthrough the kernel does reads and writes itself, and they are ' +
      'not seen here. Fields are added, never renamed.',
  ],
  arguments: {},
  options: ['json', ...commonOptions],
  examples: [
    ['ringvol list', 'a table'],
    ["ringvol list --json | jq -r '.volumes[].device'", 'for programs'],
  ],
  run: async ({ settings, print }) => {
    const volumes = await listVolumes()
    if (settings.json) print(`${JSON.stringify({ volumes })}\n`)
    else if (volumes.length > 0) print(formatTable([heading, ...volumes.map(row)]))
    return 0
  },
}
