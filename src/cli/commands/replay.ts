/**
 * `ringvol replay`: an image at any point of a recording.
 */
import { existsSync } from 'node:fs'
import { openSource } from '../../backend/source.js'
import { RingvolError } from '../../errors.js'
import { refuseImageInUse } from '../../host/image-in-use.js'
import { type LogEntry, WriteLog } from '../../layer/record/reader.js'
import { replayLog, type ReplayOptions, selectEntries } from '../../layer/record/replay.js'
import { formatSize } from '../../units.js'
import { argument, type Command, type CommandContext } from '../command.js'
import { commonOptions, type Settings } from '../options.js'
import { formatTable } from '../table.js'

const heading = ['ENTRY', 'WHAT', 'OFFSET', 'LENGTH', 'MARK']

const row = ({ number, kind, offset, length, flush, fua, mark }: LogEntry): string[] => [
  String(number),
  [kind, ...(flush && kind !== 'flush' ? ['flush'] : []), ...(fua ? ['fua'] : [])].join('+'),
  length === 0 ? '-' : String(offset),
  length === 0 ? '-' : String(length),
  mark === '' ? '-' : mark,
]

/** Without `at`, which is of no use without the log. */
const shown = ({ at: _at, ...entry }: LogEntry): Omit<LogEntry, 'at'> => entry

const list = async (log: WriteLog, range: ReplayOptions, { settings, print }: CommandContext): Promise<void> => {
  const entries = await selectEntries(log, range)
  if (settings.json) {
    const size = (await log.volumeSize()) ?? null
    print(`${JSON.stringify({ log: log.path, count: log.count, size, entries: entries.map(shown) })}\n`)
  } else print(formatTable([heading, ...entries.map(row)]))
}

const replay = async (log: WriteLog, range: ReplayOptions, context: CommandContext): Promise<void> => {
  const { logger } = context
  const image = argument(context, 'image')
  // Before the image is made, so that a wrong log or number leaves nothing behind.
  const { length } = await selectEntries(log, range)
  await refuseImageInUse(`file:${image}`, {})
  const backend = await openSource(`file:${image}`, { size: await sizeFor(image, log), logger })
  await backend.open()
  try {
    await replayLog(log, backend, range)
    logger.info(`${image}: ${String(length)} entries replayed, ${formatSize(backend.size)}`)
  } finally {
    await backend.close()
  }
}

/** Of an image that is to be created; one that is there has its own. */
const sizeFor = async (image: string, log: WriteLog): Promise<number | undefined> => {
  if (existsSync(image)) return undefined
  const size = await log.volumeSize()
  if (size !== undefined) return size
  throw new RingvolError('ERR_LOG', `${log.path} does not say how large the volume was`, {
    advice: `create the image first: truncate --size=SIZE ${image}`,
  })
}

const rangeOf = ({ from, to, 'to-mark': toMark }: Settings): ReplayOptions => {
  if (to !== undefined && toMark !== undefined) throw new RingvolError('ERR_USAGE', '--to and --to-mark are both given')
  if (to !== undefined && to < from) {
    throw new RingvolError('ERR_USAGE', `--to ${String(to)} is before --from ${String(from)}`, {
      advice: 'a log cannot be replayed backwards: begin with a copy of the image as it was',
    })
  }
  return { from, to, toMark }
}

export const replayCommandRow: Command = {
  name: 'replay',
  positionals: '<log> [image]',
  summary: 'rebuild an image at any point of a recording, or show what was recorded',
  details: [
    'LOG was written by `--layer record:file=LOG`, or by the dm-log-writes target of the kernel. IMAGE is changed in ' +
      'place: begin with a copy of the image as it was when the recording began. An IMAGE that does not exist is ' +
      'created, sparse and empty, which is right if the recorded volume was.',
    'Entries are numbered from 1, as --list shows them. Without --to or --to-mark all of them are replayed. A log ' +
      'that is cut short or damaged is refused before IMAGE is touched; the error says up to which entry it can be ' +
      'used.',
    'With --list --json: `{ "log", "count", "size", "entries": [ { "number", "kind", "offset", "length", "flush", ' +
      '"fua", "mark" } ] }`, sizes in bytes; `size` is null where the log does not say it.',
  ],
  arguments: { log: 'a log of writes', image: 'a file or block device; not with --list' },
  options: ['to', 'to-mark', 'from', 'list', 'json', ...commonOptions],
  examples: [
    ['ringvol replay --list disk.log', 'what was written, and where the flushes are'],
    ['ringvol replay --to 120 disk.log before.img', 'before.img: a copy from before the recording'],
    ['ringvol replay --from 120 --to 140 disk.log before.img', 'and on to entry 140'],
  ],
  run: async (context) => {
    const { settings, positionals } = context
    const range = rangeOf(settings)
    const image = positionals['image']?.length === 1
    if (settings.list && image) throw new RingvolError('ERR_USAGE', 'replay: --list takes no image')
    if (!settings.list && !image) {
      throw new RingvolError('ERR_USAGE', 'replay: there is no image', {
        advice: "write 'ringvol replay LOG IMAGE', or --list to see the log",
      })
    }
    if (settings.json && !settings.list) throw new RingvolError('ERR_USAGE', 'replay: --json is for --list')
    const log = await WriteLog.open(argument(context, 'log'))
    try {
      await (settings.list ? list : replay)(log, range, context)
    } finally {
      await log.close()
    }
    return 0
  },
}
