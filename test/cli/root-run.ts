/** A volume for the time of one command: its environment, its exit status, signals, and that the volume always goes. */
import { readdirSync } from 'node:fs'
import t from 'tap'
import { start } from '../support/process.js'
import { ringvol, sparseImage } from '../support/ringvol.js'
import { runDirectory } from '../support/scratch.js'
import { suite } from '../support/suite.js'
import { leftovers } from '../support/sweep.js'

const MiB = 1 << 20

await suite(t, {}, () => {
  const gone = (t: Parameters<typeof suite>[0]): void => {
    t.strictSame(readdirSync(runDirectory), [])
    t.strictSame(leftovers(), [])
  }

  t.test('the command finds its device and its volume, and stdout is its own', async (t) => {
    const script = 'blockdev --getsize64 $RINGVOL_DEVICE; test -f $RINGVOL_VOLUME && echo volume'
    const result = await ringvol(['-q', 'run', sparseImage(MiB), '--', 'sh', '-c', script])
    t.match(result, { code: 0, stdout: `${String(MiB)}\nvolume\n`, stderr: '' })
    gone(t)
  })

  t.test('its exit status is passed on, also of a signal, and of a command that is not there', async (t) => {
    const cases: [string[], number][] = [
      [['sh', '-c', 'exit 7'], 7],
      [['sh', '-c', 'kill -9 $$'], 137],
      [['/nonexistent/command'], 127],
      [['/dev/null'], 126],
      [['/dev/null/x'], 126],
      [[''], 126],
    ]
    for (const [command, code] of cases) {
      t.match(await ringvol(['-q', 'run', 'memory:1M', '--', ...command]), { code, stdout: '' }, command.join(' '))
      gone(t)
    }
  })

  t.test('a signal goes to the command, and the volume goes with it', async (t) => {
    for (const [signal, code] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      const args = ['dist/cli/main.js', '-q', 'run', 'memory:1M', '--', 'sh', '-c', 'echo here; exec sleep 60']
      const running = start(process.execPath, args)
      await running.line()
      running.child.kill(signal)
      t.match(await running.ended(), { code }, signal)
      gone(t)
    }
  })

  t.test('a command that leaves its device mounted is told, and the volume stays for it', async (t) => {
    const script = 'mkfs.ext4 -q $RINGVOL_DEVICE && mkdir -p "$1" && mount $RINGVOL_DEVICE "$1"'
    const mountpoint = `${runDirectory}/../left`
    const args = ['-q', 'run', sparseImage(32 * MiB), '--', 'sh', '-c', script, 'sh', mountpoint]
    t.match(await ringvol(args), { code: 1, stderr: /^ringvol: cannot detach .*: mounted on / })
    await ringvol(['run', 'memory:1M', '--', 'umount', mountpoint])
    t.match(await ringvol(['detach', '--all']), { code: 0 })
    gone(t)
  })

  t.test('a volume that cannot be attached is the error, and the command does not run', async (t) => {
    const result = await ringvol(['-q', 'run', '/nonexistent.img', '--', 'echo', 'ran'])
    t.match(result, { code: 1, stdout: '', stderr: /nonexistent\.img/ })
    t.match(await ringvol(['run', 'memory:1M']), { code: 2, stderr: /no command to run/ })
    gone(t)
  })
})
