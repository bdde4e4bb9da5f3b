/**
 * `ringvol serve`: the volume in this process, in the foreground.
 */
import { serve, type ServeOptions } from '../../host/serve.js'
import { becomeServer } from '../../host/server-process.js'
import { signalExitCode } from '../../host/signals.js'
import { argument, type Command } from '../command.js'
import { commonOptions, serveOptions, type Settings } from '../options.js'

/** Only what was given, so that defaults stay where they are documented: at the volume. */
const volumeOptions = (settings: Settings): Omit<ServeOptions, 'source' | 'mountpoint'> => ({
  size: settings.size,
  readOnly: settings['read-only'],
  transport: settings.transport,
  lanes: settings.lanes,
  queueDepth: settings['queue-depth'],
  maxIo: settings['max-io'],
  requestTimeout: settings['request-timeout'],
  watchdog: settings.watchdog,
  direct: settings.direct,
  layers: settings.layer,
  allowOther: settings['allow-other'],
  ...(settings.name === undefined ? {} : { name: settings.name }),
  ...(settings.mode === undefined ? {} : { mode: settings.mode }),
  ...(settings.uid === undefined ? {} : { uid: settings.uid }),
  ...(settings.gid === undefined ? {} : { gid: settings.gid }),
})

export const serveCommandRow: Command = {
  name: 'serve',
  positionals: '<source> <mountpoint>',
  summary: 'mount a volume and serve it in the foreground',
  details: [
    'Prints one line of JSON on stdout when the volume is ready: name, source, size, mountpoint, volume (the file to ' +
      'attach a loop device to), device, pid, transport, reason, lanes, readOnly, image, startedAt.',
    'Ends when the volume is unmounted from outside, by `ringvol detach`, or by SIGINT, SIGTERM or SIGHUP: then it ' +
      'drains, flushes and unmounts, and the exit status is 0, since a clean stop was asked for. If the volume is ' +
      'still open, the first signal only says by whom; a second one unmounts by force (exit status 128 + n) and ' +
      'whoever has it open gets errors; a third one ends the process at once. A last flush that failed is exit ' +
      'status 1.',
  ],
  arguments: {
    source: 'file, block device, or memory:SIZE, null:SIZE, module:FILE',
    mountpoint: 'an existing, empty directory',
  },
  options: [...serveOptions, 'config', ...commonOptions],
  examples: [
    ['ringvol serve disk.img /mnt/disk', 'the volume is /mnt/disk/volume'],
    ['ringvol serve --size 10G new.img /mnt/disk', 'create a sparse image first'],
    ['ringvol serve memory:1G /mnt/scratch', 'blocks in memory'],
  ],
  run: async (context) => {
    const { settings, given, logger, print } = context
    becomeServer(logger)
    const { forcedBy } = await serve(
      {
        ...volumeOptions(settings),
        source: argument(context, 'source'),
        mountpoint: argument(context, 'mountpoint'),
      },
      {
        logger,
        given: Object.fromEntries(serveOptions.flatMap((name) => (name in given ? [[name, given[name]]] : []))),
        onReady: (status) => {
          print(`${JSON.stringify(status)}\n`)
        },
      },
    )
    return forcedBy === undefined ? 0 : signalExitCode(forcedBy)
  },
}
