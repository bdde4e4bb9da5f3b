/**
 * `ringvol info`: a running volume with its counters, or a source that need not run.
 */
import { describeSource } from '../../backend/source.js'
import { findVolume, volumeInfo, type VolumeInfo } from '../../host/list.js'
import { formatSize } from '../../units.js'
import { argument, type Command } from '../command.js'
import { commonOptions } from '../options.js'
import { formatTable } from '../table.js'

const cell = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

const formatVolume = ({ options, counters, features, size, ...fields }: VolumeInfo): string =>
  formatTable([
    ...Object.entries(fields).map(([name, value]) => [name, cell(value)]),
    ['size', `${formatSize(size)} (${String(size)} bytes)`],
    ['ring features', features?.used.join(' ') ?? '-'],
    ['refused by this kernel', features?.missing.join(' ') ?? '-'],
    ...Object.entries(options).map(([name, value]) => [`--${name}`, cell(value)]),
    ...Object.entries(counters ?? {}).map(([name, value]) => [`counter ${name}`, String(value)]),
  ])

export const infoCommandRow: Command = {
  name: 'info',
  positionals: '<target>',
  summary: 'show a running volume, or what a source is',
  details: [
    'A name, device or mountpoint of a running volume shows its options, transport with the reason for it, and ' +
      'counters. Anything else is a source: format, size, and how much of it is allocated. A name comes before a ' +
      'file of that name; write ./NAME for the file.',
  ],
  arguments: { target: 'a name or device of `list`, or a source' },
  options: ['json', ...commonOptions],
  examples: [
    ['ringvol info disk', 'a running volume'],
    ['ringvol info ./disk.img --json', 'an image'],
  ],
  run: async (context) => {
    const { settings, print, logger } = context
    const target = argument(context, 'target')
    const name = await findVolume(target)
    if (name !== undefined) {
      const info = await volumeInfo(name)
      print(settings.json ? `${JSON.stringify(info)}\n` : formatVolume(info))
      return 0
    }
    const description = await describeSource(target, logger)
    if (settings.json) print(`${JSON.stringify(description)}\n`)
    else {
      const rows = Object.entries(description).map(([field, value]) => [
        field,
        field === 'size' || field === 'allocated'
          ? `${formatSize(Number(value))} (${String(value)} bytes)`
          : String(value),
      ])
      print(formatTable(rows))
    }
    return 0
  },
}
