/** After kill -9: list tells, detach and doctor --fix clean up, attach works again; a daemon that hangs is named. */
import { readdirSync } from 'node:fs'
import t from 'tap'
import { run, until } from '../support/process.js'
import { attach, list, ringvol, ringvolOk, serve, sparseImage } from '../support/ringvol.js'
import { freshDirectory, runDirectory } from '../support/scratch.js'
import { onTransportsInTurn, suite } from '../support/suite.js'
import { leftovers } from '../support/sweep.js'

const MiB = 1 << 20
const killed = async (pid: number): Promise<void> => {
  process.kill(pid, 'SIGKILL')
  await until('list says dead', async () =>
    (await list()).some((volume) => 'state' in volume && volume.state === 'dead'),
  )
}

await suite(t, { expectedLog: [/I\/O error/, /Buffer I\/O/, /EXT4-fs/, /JBD2/, /lost async page write/] }, () => {
  onTransportsInTurn(
    t,
    2,
    'detach cleans up after a daemon that was killed, and attach works again',
    async (t, transport) => {
      const image = sparseImage(MiB)
      const args = ['--transport', transport, '--name', 'victim']
      const attached = await attach(image, args)
      await killed(attached.status.pid)
      t.match(await ringvol(['attach', image, ...args]), {
        code: 1,
        stderr: /daemon that died; run 'ringvol detach victim'/,
      })
      t.match(await ringvol(['detach', attached.device]), { code: 0, stdout: '' })
      t.strictSame(leftovers(), [])
      t.strictSame(readdirSync(runDirectory), [])
      await (await attach(image, args)).detach()
    },
  )

  t.test(
    'a file system that is still mounted over a dead volume is named, and cleaned up once it is gone',
    async (t) => {
      const attached = await attach(sparseImage(32 * MiB), ['--name', 'victim'])
      await run('mkfs.ext4', ['-q', attached.device])
      const mountpoint = freshDirectory('ext4')
      await run('mount', [attached.device, mountpoint])
      await killed(attached.status.pid)
      t.match(await ringvol(['detach', '--all']), {
        code: 1,
        stderr: new RegExp(`mounted on ${mountpoint}; run 'umount`),
      })
      await run('umount', [mountpoint])
      t.match(await ringvol(['detach', '--all']), { code: 0 })
      t.strictSame(leftovers(), [])
    },
  )

  t.test('a volume that somebody unmounted lazily is listed with its device, and detached', async (t) => {
    const image = sparseImage(MiB)
    const { device, status } = await attach(image, ['--name', 'lazy'])
    await run('umount', ['-l', status.mountpoint])
    await run('dd', ['if=/dev/urandom', `of=${device}`, 'bs=4k', 'count=1', 'oflag=direct', 'status=none'])
    t.match(await list(), [{ name: 'lazy', device }])
    t.match(await ringvol(['detach', device], { deadline: 30_000 }), { code: 0 })
    t.strictSame(leftovers(), [])
  })

  t.test('a mountpoint of the user is unmounted and stays', async (t) => {
    const served = await serve(sparseImage(MiB), ['--name', 'victim'])
    await killed(served.status.pid)
    t.match(await ringvol(['detach', 'victim']), { code: 0 })
    t.strictSame(readdirSync(served.status.mountpoint), [])
    t.strictSame(leftovers(), [])
  })

  t.test('doctor finds what was left and --fix removes it, saying so', async (t) => {
    const attached = await attach('memory:1M', ['--name', 'victim'])
    await killed(attached.status.pid)
    const { checks } = JSON.parse(await ringvolOk(['doctor', '--json'])) as {
      checks: { name: string; found: string }[]
    }
    t.equal(checks.find(({ name }) => name === 'dead volumes')?.found, 'victim')
    const fixed = await ringvol(['doctor', '--fix', '--log-format', 'text'])
    t.equal(fixed.code, 0)
    t.match(fixed.stderr, /cleaning up after victim/)
    t.match(fixed.stdout, /^dead volumes +ok/m)
    t.strictSame(leftovers(), [])
  })

  t.test('a daemon that does not answer is named with what to do, and that works', async (t) => {
    const attached = await attach('memory:1M', ['--name', 'stuck'])
    const { pid } = attached.status
    process.kill(pid, 'SIGSTOP')
    const refused = await ringvol(['detach', 'stuck'])
    t.match(refused, { code: 1, stdout: '' })
    t.match(refused.stderr, /\(pid \d+\) is stopped; let it go on, or run 'ringvol detach --force stuck'/)
    t.match(await ringvol(['detach', '--force', 'stuck']), { code: 0, stderr: /killing the daemon/ })
    t.strictSame(leftovers(), [])
  })
})
