/** attach, list, info, detach: what they print, for people and for programs, and that waiting means waiting. */
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { ListedVolume, VolumeInfo } from '../../src/host/list.js'
import { detachLoop } from '../support/devices.js'
import { run, start } from '../support/process.js'
import { attach, list, ringvol, ringvolOk, serve, sparseImage } from '../support/ringvol.js'
import { freshDirectory, freshPath, runDirectory } from '../support/scratch.js'
import { onEachTransport, suite } from '../support/suite.js'

const MiB = 1 << 20
const fields = [
  'name',
  'source',
  'size',
  'mountpoint',
  'volume',
  'device',
  'pid',
  'transport',
  'reason',
  'lanes',
  'readOnly',
  'image',
  'startedAt',
]

await suite(t, {}, () => {
  onEachTransport(t, 'attach gives a device with direct I/O, detach a complete image', async (t, transport) => {
    const image = freshPath('image')
    const attached = await attach(image, ['--size', '16M', '--transport', transport, '--name', 'disk'])
    const name = attached.device.slice('/dev/'.length)
    t.equal(readFileSync(`/sys/block/${name}/loop/dio`, 'utf8').trim(), '1')
    t.equal(await run('blockdev', ['--getsize64', attached.device]), String(16 * MiB))
    await run('dd', ['if=/dev/urandom', `of=${freshPath('data')}`, 'bs=1M', 'count=4', 'status=none'])
    await run('sh', ['-c', `printf hello | dd of=${attached.device} bs=512 seek=8 conv=notrunc status=none`])
    await attached.detach()
    t.equal(readFileSync(image).subarray(4096, 4101).toString(), 'hello', 'what was written is in the image')
    t.throws(() => readFileSync(`/sys/block/${name}/loop/dio`), { code: 'ENOENT' })
    t.strictSame(readdirSync(runDirectory), [])
  })

  t.test('the ready line, list --json and info --json share one shape', async (t) => {
    const image = sparseImage(MiB)
    const served = await serve(image, ['--name', 'shape', '--lanes', '1'])
    t.strictSame(Object.keys(served.status).sort(), [...fields].sort())
    t.match(served.status, { name: 'shape', source: image, size: MiB, device: null, readOnly: false })
    t.equal(served.status.pid, served.daemon.pid)
    t.not(Number.isNaN(Date.parse(served.status.startedAt)), true)

    const { volumes } = JSON.parse(await ringvolOk(['list', '--json'])) as { volumes: ListedVolume[] }
    t.strictSame(volumes, [{ ...served.status, state: 'serving', inFlight: 0, oldestRequestMs: null }])
    const device = await run('losetup', ['--find', '--show', served.volume])
    t.equal((await list())[0]?.device, device, 'a loop device attached by hand shows too')
    await detachLoop(device)

    const info = JSON.parse(await ringvolOk(['info', 'shape', '--json'])) as VolumeInfo
    t.match(info, { ...served.status, options: { lanes: '1' }, counters: { inFlight: Number } })
    t.match(await ringvolOk(['list']), /^NAME +DEVICE +SIZE .*\nshape +- +1M +rw /)
    t.match(await ringvolOk(['info', 'shape']), /^name +shape$/m)
    t.match(await served.stop(), { code: 0 })
    t.equal(await ringvolOk(['list']), '', 'nothing to list prints nothing')
    t.equal(await ringvolOk(['list', '--json']), '{"volumes":[]}')
  })

  t.test('info of an image says what it takes', async (t) => {
    const image = sparseImage(MiB)
    const info = JSON.parse(await ringvolOk(['info', image, '--json'])) as Record<string, unknown>
    t.match(info, { size: MiB, allocated: statSync(image).blocks * 512, format: 'raw' })
    t.match(await ringvolOk(['info', image]), /^size +1M \(1048576 bytes\)$/m)
  })

  t.test('run directory and socket are for their owner only', async (t) => {
    const attached = await attach(sparseImage(MiB), ['--name', 'private'])
    const mode = (path: string): number => statSync(join(runDirectory, path)).mode & 0o777
    t.equal(mode('private'), 0o700)
    t.equal(mode('private/control'), 0o600)
    t.equal(mode('private/state.json'), 0o600)
    t.equal(mode('private/log'), 0o600)
    await attached.detach()
  })

  t.test('sector size and read-only reach the device', async (t) => {
    const attached = await attach(sparseImage(MiB), ['--sector-size', '4096', '--read-only'])
    t.equal(await run('blockdev', ['--getss', attached.device]), '4096')
    t.equal(await run('blockdev', ['--getro', attached.device]), '1')
    await attached.detach()
  })

  t.test('a mounted device is not detached, the error says where, and nothing has changed', async (t) => {
    const attached = await attach(sparseImage(32 * MiB), ['--name', 'held'])
    await run('mkfs.ext4', ['-q', attached.device])
    const mountpoint = freshDirectory('ext4')
    await run('mount', [attached.device, mountpoint])
    const refused = await ringvol(['detach', 'held'])
    t.match(refused, { code: 1, stdout: '' })
    t.equal(
      refused.stderr,
      `ringvol: cannot detach ${attached.device}: mounted on ${mountpoint}; run 'umount ${mountpoint}' first\n`,
    )
    t.match(await list(), [{ name: 'held', device: attached.device, state: 'serving' }])
    await run('umount', [mountpoint])
    await attached.detach()
  })

  t.test('a volume that a process has open is not unmounted, and the error says which', async (t) => {
    const attached = await attach(sparseImage(MiB), ['--name', 'open'])
    const reader = start('sh', ['-c', `exec 3<${attached.status.volume}; echo open; read -r line`])
    await reader.line()
    const refused = await ringvol(['detach', 'open'])
    t.match(refused, { code: 1, stdout: '' })
    t.ok(refused.stderr.includes(`(pid ${String(reader.pid)})`), refused.stderr)
    t.match(await list(), [{ name: 'open', device: attached.device }], 'the device is still there')
    reader.child.stdin?.end('\n')
    await reader.ended()
    await attached.detach()
  })

  t.test(
    'several targets by device, name and mountpoint go at once, and one that fails does not keep the others',
    async (t) => {
      const devices = []
      for (const name of ['a', 'b', 'c']) devices.push(await attach('memory:1M', ['--name', name]))
      const [a, , c] = devices
      const result = await ringvol(['detach', a?.device ?? '', 'b', 'nobody', c?.status.mountpoint ?? ''])
      t.match(result, { code: 1, stdout: '', stderr: /^ringvol: there is no volume 'nobody'/ })
      t.strictSame(await list(), [])
    },
  )

  t.test('attach that is interrupted leaves nothing', async (t) => {
    const attaching = start(process.execPath, [
      'dist/cli/main.js',
      'attach',
      sparseImage(MiB),
      '--name',
      'interrupted',
      '--layer',
      'delay:ms=300',
    ])
    const deadline = Date.now() + 5000
    while (!readdirSync(runDirectory).includes('interrupted') && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    attaching.child.kill('SIGINT')
    const result = await attaching.ended()
    t.match(result, { code: 130, stdout: '' })
    t.strictSame(readdirSync(runDirectory), [])
  })
})
