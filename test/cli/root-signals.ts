/** How a serving process ends: asked politely, refused, forced, from outside, and by a failing last flush. */
import { readFileSync, readdirSync, statSync } from 'node:fs'
import t from 'tap'
import { detachLoop } from '../support/devices.js'
import { attempt, run, start, until } from '../support/process.js'
import { ringvol, ringvolOk, serve, sparseImage } from '../support/ringvol.js'
import { freshDirectory, freshPath, runDirectory } from '../support/scratch.js'
import { onTransportsInTurn, suite } from '../support/suite.js'

const MiB = 1 << 20

await suite(t, {}, () => {
  onTransportsInTurn(t, 2, 'each stop signal flushes, unmounts and ends it with status 0', async (t, transport) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const image = sparseImage(MiB)
      const served = await serve(image, ['--transport', transport])
      await run('sh', ['-c', `printf ${signal} | dd of=${served.volume} bs=512 conv=notrunc status=none`])
      served.daemon.child.kill(signal)
      t.match(await served.daemon.ended(), { code: 0 }, signal)
      t.equal(readFileSync(image).subarray(0, signal.length).toString(), signal, 'the write is in the image')
      t.strictSame(readdirSync(runDirectory), [])
    }
  })

  onTransportsInTurn(t, 2, 'an unmount from outside ends it cleanly with status 0', async (t, transport) => {
    const served = await serve(sparseImage(MiB), ['--transport', transport])
    await run('umount', [served.status.mountpoint])
    t.match(await served.daemon.ended(), { code: 0 })
    t.strictSame(readdirSync(runDirectory), [])
  })

  onTransportsInTurn(
    t,
    2,
    'while the volume is open the first signal says by whom and it serves on; the second forces',
    async (t, transport) => {
      const served = await serve(sparseImage(MiB), ['--transport', transport])
      const device = await run('losetup', ['--direct-io=on', '--find', '--show', served.volume])
      served.daemon.child.kill('SIGTERM')
      await until('it says who holds it', () => served.daemon.stderr().includes('is still open'))
      t.match(served.daemon.stderr(), new RegExp(`still open: loop device ${device}`))
      await run('dd', [`if=${device}`, 'of=/dev/null', 'bs=4k', 'count=1', 'iflag=direct', 'status=none'])
      served.daemon.child.kill('SIGTERM')
      t.match(await served.daemon.ended(), { code: 143 }, 'forced is not clean')
      await detachLoop(device)
      t.strictSame(readdirSync(runDirectory), [])
    },
  )

  t.test('a signal while it starts undoes the start', async (t) => {
    const served = start(process.execPath, ['dist/cli/main.js', 'serve', sparseImage(MiB), freshDirectory('mount')])
    await until('it has its name', () => readdirSync(runDirectory).length > 0)
    served.child.kill('SIGTERM')
    const { code } = await served.ended()
    // It may have become ready just before: then the stop was clean.
    t.match(String(code), /^(143|0)$/)
    t.strictSame(readdirSync(runDirectory), [])
  })

  t.test('a last flush that fails is exit status 1, and detach says so', async (t) => {
    const options = ['--layer', 'error:op=flush,errno=EIO', '--name', 'failing']
    const served = await serve(sparseImage(MiB), options)
    const write = ['-c', `printf x | dd of=${served.volume} bs=512 conv=notrunc status=none`]
    t.match(await attempt('sh', write), { code: 1, stderr: /Input\/output error/ }, 'a close flushes, and hears of it')
    served.daemon.child.kill('SIGTERM')
    const result = await served.daemon.ended()
    t.match(result, { code: 1, stderr: /EIO/ })
    t.strictSame(readdirSync(runDirectory), [])

    const image = freshPath('made')
    t.equal((await ringvol(['-q', 'attach', image, '--size', '1M', ...options])).code, 0)
    t.match(await ringvol(['detach', 'failing']), { code: 1, stderr: /EIO/ })
    t.equal(statSync(image).size, MiB, 'the image stays, though this volume made it')
    t.equal(await ringvolOk(['list']), '')
  })

  t.test('a daemon in the background does not hear Ctrl-C on the terminal', async (t) => {
    await ringvolOk(['attach', 'memory:1M', '--name', 'apart'])
    const { volumes } = JSON.parse(await ringvolOk(['list', '--json'])) as { volumes: { pid: number }[] }
    const stat = readFileSync(`/proc/${String(volumes[0]?.pid)}/stat`, 'utf8')
    const [, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    t.equal(session, String(volumes[0]?.pid), 'it leads a session of its own')
    await ringvolOk(['detach', 'apart'])
  })
})
