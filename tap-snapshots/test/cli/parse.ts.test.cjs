/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/cli/parse.ts > TAP > help and version are text > ringvol --help 1`] = `
ringvol COMMAND [OPTION...]

export a file, or your own backend, as a Linux block device

Commands:
  ringvol serve <source> <mountpoint>  mount a volume and serve it in the foreground
  ringvol attach <source>              serve a volume in the background and attach a loop device to it
  ringvol detach [target..]            detach loop devices, unmount, and wait for the last flush
  ringvol run <source>                 attach, run a command with the device, detach
  ringvol list                         show the volumes of this machine
  ringvol info <target>                show a running volume, or what a source is
  ringvol replay <log> [image]         rebuild an image at any point of a recording, or show what was recorded
  ringvol doctor                       check what this kernel and machine offer

Options:
      --version     Show version number                                                              [boolean]
  -h, --help        Show help                                                                        [boolean]
  -v, --verbose     say more on stderr; twice: still more                                              [count]
  -q, --quiet       say nothing on stderr but errors                                                 [boolean]
      --log-format  format of what is said on stderr: text or json (default: text on a terminal, else json)
                                                                                                      [string]

Manual: docs/man/ringvol.1.md. What this machine offers: ringvol doctor.

`

exports[`test/cli/parse.ts > TAP > help and version are text > ringvol attach --help 1`] = `
ringvol attach <source>

serve a volume in the background and attach a loop device to it

Positionals:
  source  file, block device, or memory:SIZE, null:SIZE, module:FILE                       [string] [required]

Options:
      --version          Show version number                                                         [boolean]
  -h, --help             Show help                                                                   [boolean]
  -v, --verbose          say more on stderr; twice: still more                                         [count]
  -q, --quiet            say nothing on stderr but errors                                            [boolean]
      --log-format       format of what is said on stderr: text or json (default: text on a terminal, else
                         json)                                                                        [string]
      --name             name in \`list\` and in the run directory (default: the source's name)         [string]
      --size             create the image, sparse, if it does not exist                               [string]
      --read-only        volume and loop device read-only                                            [boolean]
      --transport        one of auto, passthrough, uring, classic, syscall (default: auto)            [string]
      --lanes            threads that serve the volume (default: auto)                                [string]
      --queue-depth      slots per kernel queue (default: auto)                                       [string]
      --max-io           largest request (default: 1M)                                                [string]
      --request-timeout  end the volume if a request takes longer, in seconds (default: off)          [string]
      --watchdog         abort the connection if a serving thread stands still that many seconds (default: 60)
                                                                                                      [string]
      --direct           open the image with O_DIRECT, past the page cache                           [boolean]
      --layer            wrap the source; repeatable, first named innermost                            [array]
      --allow-other      let other users reach the volume, as its mode permits                       [boolean]
      --mode             permissions of the volume, octal (default: 0600)                             [string]
      --uid              owner of the volume (default: yours)                                         [string]
      --gid              group of the volume (default: yours)                                         [string]
      --sector-size      logical block size of the loop device, 512 or 4096 (default: 512)            [string]
      --config           take options from a JSON file                                                [string]

Examples:
  ringvol attach disk.img
      prints the device
  mkfs.ext4 $(ringvol attach --size 10G new.img)
      create, attach, format
  ringvol attach --read-only --name backup /dev/vg0/snap
      a block device, read-only

`

exports[`test/cli/parse.ts > TAP > help and version are text > ringvol detach --help 1`] = `
ringvol detach [target..]

detach loop devices, unmount, and wait for the last flush

Positionals:
  target  a device, a name or a mountpoint, as \`list\` shows them                         [array] [default: []]

Options:
      --version     Show version number                                                              [boolean]
  -h, --help        Show help                                                                        [boolean]
  -v, --verbose     say more on stderr; twice: still more                                              [count]
  -q, --quiet       say nothing on stderr but errors                                                 [boolean]
      --log-format  format of what is said on stderr: text or json (default: text on a terminal, else json)
                                                                                                      [string]
      --all         every volume of this machine                                                     [boolean]
      --force       kill the daemon instead of waiting for its last flush                            [boolean]

Examples:
  ringvol detach /dev/loop3
      by device
  ringvol detach disk backup
      by name, two of them
  ringvol detach --force disk
      a daemon that hangs
  ringvol detach --all
      also cleans up after crashed daemons

`

exports[`test/cli/parse.ts > TAP > help and version are text > ringvol doctor --help 1`] = `
ringvol doctor

check what this kernel and machine offer

Options:
      --version     Show version number                                                              [boolean]
  -h, --help        Show help                                                                        [boolean]
  -v, --verbose     say more on stderr; twice: still more                                              [count]
  -q, --quiet       say nothing on stderr but errors                                                 [boolean]
      --log-format  format of what is said on stderr: text or json (default: text on a terminal, else json)
                                                                                                      [string]
      --json        JSON on stdout                                                                   [boolean]
      --fix         repair what can be repaired, after saying so                                     [boolean]

Examples:
  ringvol doctor
      a table, costs and advice
  sudo ringvol doctor --fix
      switch on what can be switched on

`

exports[`test/cli/parse.ts > TAP > help and version are text > ringvol info --help 1`] = `
ringvol info <target>

show a running volume, or what a source is

Positionals:
  target  a name or device of \`list\`, or a source                                          [string] [required]

Options:
      --version     Show version number                                                              [boolean]
  -h, --help        Show help                                                                        [boolean]
  -v, --verbose     say more on stderr; twice: still more                                              [count]
  -q, --quiet       say nothing on stderr but errors                                                 [boolean]
      --log-format  format of what is said on stderr: text or json (default: text on a terminal, else json)
                                                                                                      [string]
      --json        JSON on stdout                                                                   [boolean]

Examples:
  ringvol info disk
      a running volume
  ringvol info ./disk.img --json
      an image

`

exports[`test/cli/parse.ts > TAP > help and version are text > ringvol list --help 1`] = `
ringvol list

show the volumes of this machine

Options:
      --version     Show version number                                                              [boolean]
  -h, --help        Show help                                                                        [boolean]
  -v, --verbose     say more on stderr; twice: still more                                              [count]
  -q, --quiet       say nothing on stderr but errors                                                 [boolean]
      --log-format  format of what is said on stderr: text or json (default: text on a terminal, else json)
                                                                                                      [string]
      --json        JSON on stdout                                                                   [boolean]

Examples:
  ringvol list
      a table
  ringvol list --json | jq -r '.volumes[].device'
      for programs

`

exports[`test/cli/parse.ts > TAP > help and version are text > ringvol replay --help 1`] = `
ringvol replay <log> [image]

rebuild an image at any point of a recording, or show what was recorded

Positionals:
  log    a log of writes                                                                   [string] [required]
  image  a file or block device; not with --list                                                      [string]

Options:
      --version     Show version number                                                              [boolean]
  -h, --help        Show help                                                                        [boolean]
  -v, --verbose     say more on stderr; twice: still more                                              [count]
  -q, --quiet       say nothing on stderr but errors                                                 [boolean]
      --log-format  format of what is said on stderr: text or json (default: text on a terminal, else json)
                                                                                                      [string]
      --to          stop behind this entry of the log (default: the last one)                         [string]
      --to-mark     stop at the first mark of this text                                               [string]
      --from        the image is in the state after this entry (default: 0)                           [string]
      --list        show the entries instead of replaying them                                       [boolean]
      --json        JSON on stdout                                                                   [boolean]

Examples:
  ringvol replay --list disk.log
      what was written, and where the flushes are
  ringvol replay --to 120 disk.log before.img
      before.img: a copy from before the recording
  ringvol replay --from 120 --to 140 disk.log before.img
      and on to entry 140

`

exports[`test/cli/parse.ts > TAP > help and version are text > ringvol run --help 1`] = `
ringvol run <source> -- COMMAND [ARGUMENT...]

attach, run a command with the device, detach

Positionals:
  source  file, block device, or memory:SIZE, null:SIZE, module:FILE                       [string] [required]

Options:
      --version          Show version number                                                         [boolean]
  -h, --help             Show help                                                                   [boolean]
  -v, --verbose          say more on stderr; twice: still more                                         [count]
  -q, --quiet            say nothing on stderr but errors                                            [boolean]
      --log-format       format of what is said on stderr: text or json (default: text on a terminal, else
                         json)                                                                        [string]
      --name             name in \`list\` and in the run directory (default: the source's name)         [string]
      --size             create the image, sparse, if it does not exist                               [string]
      --read-only        volume and loop device read-only                                            [boolean]
      --transport        one of auto, passthrough, uring, classic, syscall (default: auto)            [string]
      --lanes            threads that serve the volume (default: auto)                                [string]
      --queue-depth      slots per kernel queue (default: auto)                                       [string]
      --max-io           largest request (default: 1M)                                                [string]
      --request-timeout  end the volume if a request takes longer, in seconds (default: off)          [string]
      --watchdog         abort the connection if a serving thread stands still that many seconds (default: 60)
                                                                                                      [string]
      --direct           open the image with O_DIRECT, past the page cache                           [boolean]
      --layer            wrap the source; repeatable, first named innermost                            [array]
      --allow-other      let other users reach the volume, as its mode permits                       [boolean]
      --mode             permissions of the volume, octal (default: 0600)                             [string]
      --uid              owner of the volume (default: yours)                                         [string]
      --gid              group of the volume (default: yours)                                         [string]
      --sector-size      logical block size of the loop device, 512 or 4096 (default: 512)            [string]
      --config           take options from a JSON file                                                [string]

Examples:
  ringvol run disk.img -- sh -c 'e2fsck -fn $RINGVOL_DEVICE'
      check the file system in an image
  ringvol run memory:1G -- sh -c 'mkfs.xfs $RINGVOL_DEVICE'
      no image at all

`

exports[`test/cli/parse.ts > TAP > help and version are text > ringvol serve --help 1`] = `
ringvol serve <source> <mountpoint>

mount a volume and serve it in the foreground

Positionals:
  source      file, block device, or memory:SIZE, null:SIZE, module:FILE                   [string] [required]
  mountpoint  an existing, empty directory                                                 [string] [required]

Options:
      --version          Show version number                                                         [boolean]
  -h, --help             Show help                                                                   [boolean]
  -v, --verbose          say more on stderr; twice: still more                                         [count]
  -q, --quiet            say nothing on stderr but errors                                            [boolean]
      --log-format       format of what is said on stderr: text or json (default: text on a terminal, else
                         json)                                                                        [string]
      --name             name in \`list\` and in the run directory (default: the source's name)         [string]
      --size             create the image, sparse, if it does not exist                               [string]
      --read-only        volume and loop device read-only                                            [boolean]
      --transport        one of auto, passthrough, uring, classic, syscall (default: auto)            [string]
      --lanes            threads that serve the volume (default: auto)                                [string]
      --queue-depth      slots per kernel queue (default: auto)                                       [string]
      --max-io           largest request (default: 1M)                                                [string]
      --request-timeout  end the volume if a request takes longer, in seconds (default: off)          [string]
      --watchdog         abort the connection if a serving thread stands still that many seconds (default: 60)
                                                                                                      [string]
      --direct           open the image with O_DIRECT, past the page cache                           [boolean]
      --layer            wrap the source; repeatable, first named innermost                            [array]
      --allow-other      let other users reach the volume, as its mode permits                       [boolean]
      --mode             permissions of the volume, octal (default: 0600)                             [string]
      --uid              owner of the volume (default: yours)                                         [string]
      --gid              group of the volume (default: yours)                                         [string]
      --config           take options from a JSON file                                                [string]

Examples:
  ringvol serve disk.img /mnt/disk
      the volume is /mnt/disk/volume
  ringvol serve --size 10G new.img /mnt/disk
      create a sparse image first
  ringvol serve memory:1G /mnt/scratch
      blocks in memory

`
