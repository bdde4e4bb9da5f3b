/**
 * `ringvol attach`: a source becomes a loop device.
 */
import { attachVolume } from '../../host/attach.js'
import { prepareServerChild } from '../../host/server-process.js'
import { untilSignalled } from '../../host/signals.js'
import { serveCommand } from '../background.js'
import { argument, type Command } from '../command.js'
import { commonOptions, serveOptions } from '../options.js'

export const attachCommandRow: Command = {
  name: 'attach',
  positionals: '<source>',
  summary: 'serve a volume in the background and attach a loop device to it',
  details: [
    'Prints the device, such as /dev/loop3, and only that, once it is there with direct I/O on. If anything fails, ' +
      'everything done so far is undone, and the error is the one that the daemon met.',
    'The daemon logs to RUN/NAME/log, where RUN is /run/ringvol.',
  ],
  arguments: { source: 'file, block device, or memory:SIZE, null:SIZE, module:FILE' },
  options: [...serveOptions, 'sector-size', 'config', ...commonOptions],
  examples: [
    ['ringvol attach disk.img', 'prints the device'],
    ['mkfs.ext4 $(ringvol attach --size 10G new.img)', 'create, attach, format'],
    ['ringvol attach --read-only --name backup /dev/vg0/snap', 'a block device, read-only'],
  ],
  run: async (context) => {
    const { settings, given, logger, print, environment } = context
    const source = argument(context, 'source')
    const marker = prepareServerChild(logger)
    const { device } = await untilSignalled((signal) =>
      attachVolume(
        { source, name: settings.name, readOnly: settings['read-only'], sectorSize: settings['sector-size'] },
        {
          logger,
          signal,
          environment: { ...environment, ...marker },
          serveCommand: (name, mountpoint) => serveCommand(source, name, mountpoint, given),
        },
      ),
    )
    print(`${device}\n`)
    return 0
  },
}
