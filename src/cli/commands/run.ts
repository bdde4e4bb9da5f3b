/**
 * `ringvol run`: a volume for the time of one command.
 */
import { RingvolError } from '../../errors.js'
import { runCaptive } from '../../host/captive.js'
import { serveCommand } from '../background.js'
import { argument, type Command } from '../command.js'
import { commonOptions, serveOptions } from '../options.js'

export const runCommandRow: Command = {
  name: 'run',
  positionals: '<source>',
  rest: 'COMMAND [ARGUMENT...]',
  summary: 'attach, run a command with the device, detach',
  details: [
    'The command finds its device in RINGVOL_DEVICE and the volume in RINGVOL_VOLUME. Its exit status is passed on ' +
      '(128 + n if signal n ended it, 127 if there is no such command); the volume is detached whatever happens to ' +
      'it. Signals are forwarded to it.',
  ],
  arguments: { source: 'file, block device, or memory:SIZE, null:SIZE, module:FILE' },
  options: [...serveOptions, 'sector-size', 'config', ...commonOptions],
  examples: [
    ["ringvol run disk.img -- sh -c 'e2fsck -fn $RINGVOL_DEVICE'", 'check the file system in an image'],
    ["ringvol run memory:1G -- sh -c 'mkfs.xfs $RINGVOL_DEVICE'", 'no image at all'],
  ],
  run: async (context) => {
    const { settings, given, logger, report, rest, environment } = context
    if (rest.length === 0) {
      throw new RingvolError('ERR_USAGE', 'there is no command to run', { advice: 'write it behind --' })
    }
    const source = argument(context, 'source')
    // What a server needs and gives up is left to the daemon: set here, the command would inherit it.
    return runCaptive(
      { source, name: settings.name, readOnly: settings['read-only'], sectorSize: settings['sector-size'] },
      rest,
      {
        logger,
        report,
        environment,
        serveCommand: (name, mountpoint) => serveCommand(source, name, mountpoint, given),
      },
    )
  },
}
