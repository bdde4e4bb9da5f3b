/**
 * Wrong input gets one clear line, the right exit status, and leaves nothing behind: no file, no folder, no mount, no
 * loop device, no process.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { detachLoop } from '../support/devices.js'
import { attempt, run, until } from '../support/process.js'
import { attach, ringvol, serve, sparseImage } from '../support/ringvol.js'
import { freshDirectory, freshPath, runDirectory } from '../support/scratch.js'
import { suite } from '../support/suite.js'
import { leftovers } from '../support/sweep.js'

const MiB = 1 << 20

interface Case {
  readonly title: string
  readonly args: () => string[]
  readonly code: number
  readonly says: RegExp
}

/** Each is tried with `attach` and with `serve`, except where it is about one of them. */
const images: readonly Case[] = [
  { title: 'an image that does not exist', args: () => [freshPath('none')], code: 1, says: /--size/ },
  { title: 'a directory as image', args: () => [freshDirectory('dir')], code: 1, says: /directory/ },
  { title: 'a character device as image', args: () => ['/dev/null'], code: 1, says: /\/dev\/null/ },
  { title: 'an empty image', args: () => [sparseImage(0)], code: 1, says: /size|empty/ },
  { title: 'an image that is no multiple of 512', args: () => [sparseImage(1000)], code: 1, says: /512/ },
  {
    title: 'a size with a bad suffix',
    args: () => [freshPath('new'), '--size', '10Q'],
    code: 2,
    says: /--size '10Q' is not a size/,
  },
  { title: 'a size that is not aligned', args: () => [freshPath('new'), '--size', '1000'], code: 2, says: /512/ },
  {
    title: 'an existing image of another size',
    args: () => [sparseImage(MiB), '--size', '2M'],
    code: 1,
    says: /size/,
  },
  { title: 'an unknown kind of source', args: () => ['memry:1M'], code: 2, says: /did you mean 'memory'/ },
  { title: 'memory without a size', args: () => ['memory:'], code: 2, says: /memory/ },
  { title: 'a module that does not exist', args: () => ['module:/nonexistent.js'], code: 1, says: /nonexistent/ },
  {
    title: 'an unknown transport',
    args: () => [sparseImage(MiB), '--transport', 'urnig'],
    code: 2,
    says: /did you mean 'uring'/,
  },
  { title: 'an unknown layer', args: () => [sparseImage(MiB), '--layer', 'dely'], code: 2, says: /dely/ },
  {
    title: 'an unknown option',
    args: () => [sparseImage(MiB), '--tranport', 'uring'],
    code: 2,
    says: /did you mean '--transport'/,
  },
  { title: 'a name that is no name', args: () => [sparseImage(MiB), '--name', '../x'], code: 2, says: /name/ },
]

const line = /^ringvol: [^\n]+\n$/

await suite(t, {}, () => {
  for (const { title, args, code, says } of images) {
    t.test(title, async (t) => {
      for (const command of ['attach', 'serve']) {
        const mountpoint = command === 'serve' ? [freshDirectory('mount')] : []
        const [source = '', ...options] = args()
        const existed = existsSync(source)
        const result = await ringvol(['-q', command, source, ...mountpoint, ...options])
        t.equal(result.code, code, `${command}: ${result.stderr}`)
        t.equal(result.stdout, '', command)
        t.match(result.stderr, line, `${command}: one line`)
        t.match(result.stderr, says, command)
        t.equal(existsSync(source), existed, `${command}: no image was made or removed`)
        t.strictSame(readdirSync(runDirectory), [], `${command}: the run directory is empty`)
        t.strictSame(leftovers(), [], command)
      }
    })
  }

  t.test('a mountpoint that is missing, a file, not empty, or mounted on', async (t) => {
    const image = sparseImage(MiB)
    const full = freshDirectory('full')
    mkdirSync(join(full, 'x'))
    const cases: [string, RegExp][] = [
      [freshPath('missing'), /no such directory; run 'mkdir -p/],
      [image, /not a directory/],
      [full, /not empty/],
      ['/proc', /is mounted there/],
    ]
    for (const [mountpoint, says] of cases) {
      const result = await ringvol(['-q', 'serve', image, mountpoint])
      t.match(result, { code: 1, stdout: '' }, mountpoint)
      t.match(result.stderr, line)
      t.match(result.stderr, says)
    }
    t.strictSame(readdirSync(runDirectory), [])
  })

  t.test(
    'an image or a run directory that would lie under the mount, and the volume of a volume on itself',
    async (t) => {
      const mountpoint = freshDirectory('mount')
      const image = await ringvol(['-q', 'serve', join(mountpoint, 'new'), mountpoint, '--size', '1M'])
      t.match(image, {
        code: 1,
        stdout: '',
        stderr: /cannot mount on .*: the image .*\/new would lie under it; choose/,
      })
      for (const run of [mountpoint, join(mountpoint, 'run')]) {
        const result = await ringvol(['-q', 'serve', 'memory:1M', mountpoint], { environment: { RINGVOL_RUN: run } })
        t.match(result, { code: 1, stdout: '', stderr: /the run directory .* would lie under it; choose another/ })
        t.match(result.stderr, line)
      }
      t.strictSame(readdirSync(mountpoint), [], 'and nothing was made there')
      const served = await serve(sparseImage(MiB))
      const itself = await ringvol(['-q', 'serve', served.volume, served.status.mountpoint])
      t.match(itself, { code: 1, stdout: '', stderr: /is mounted there/ })
      await served.stop()
    },
  )

  t.test('an image that is exported already, and its name', async (t) => {
    const image = sparseImage(4 * MiB)
    const first = await attach(image, ['--name', 'first'])
    const second = await ringvol(['-q', 'attach', image])
    t.match(second, { code: 1, stdout: '' })
    t.match(second.stderr, /^ringvol: .* is in use: volume 'first' exports it; run 'ringvol detach first' first\n$/)
    const named = await ringvol(['-q', 'attach', 'memory:1M', '--name', 'first'])
    t.match(named, { code: 1, stderr: /^ringvol: a volume named 'first' exists already, served by process \d+;/ })
    t.strictSame(readdirSync(runDirectory), ['first'])
    await first.detach()
  })

  t.test('an image that a loop device has, and one that is mounted', async (t) => {
    const image = sparseImage(16 * MiB)
    const device = await run('losetup', ['--find', '--show', image])
    const looped = await ringvol(['-q', 'attach', image])
    t.match(looped, { code: 1, stdout: '' })
    t.ok(looped.stderr.includes(`loop device ${device} is over it`), looped.stderr)
    await run('mkfs.ext4', ['-q', device])
    const mountpoint = freshDirectory('ext4')
    await run('mount', [device, mountpoint])
    const mounted = await ringvol(['-q', 'attach', image])
    t.ok(mounted.stderr.includes(`mounted on ${mountpoint}; run 'umount ${mountpoint}' first`), mounted.stderr)
    const block = await ringvol(['-q', 'attach', device])
    t.match(block, { code: 1, stderr: /is in use: mounted on/ }, 'and the device itself')
    const log = freshPath('log')
    await ringvol(['-q', 'run', 'memory:1M', '--layer', `record:file=${log}`, '--', 'true'])
    const replay = await ringvol(['replay', log, image])
    t.match(replay, { code: 1, stderr: /is in use: / }, 'nothing is replayed into it either')
    await run('umount', [mountpoint])
    await detachLoop(device)
  })

  t.test('an image without write permission wants --read-only', async (t) => {
    const directory = freshDirectory('tmpfs')
    await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'none', directory])
    const image = sparseImage(MiB, directory)
    await run('mount', ['-o', 'remount,ro', directory])
    const refused = await ringvol(['-q', 'attach', image])
    t.match(refused, { code: 1, stdout: '', stderr: /--read-only/ })
    const attached = await attach(image, ['--read-only'])
    t.equal(attached.status.readOnly, true)
    t.equal(await run('blockdev', ['--getro', attached.device]), '1')
    await attached.detach()
    await until('the image is free', async () => (await attempt('umount', [directory])).code === 0)
  })

  t.test('a full disk under a sparse image is an error of the write, and the volume goes on', async (t) => {
    const directory = freshDirectory('tmpfs')
    await run('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', directory])
    const image = join(directory, 'image')
    const served = await serve(image, ['--size', '64M'])
    const write = await attempt('dd', [
      'if=/dev/urandom',
      `of=${served.volume}`,
      'bs=1M',
      'count=8',
      'oflag=direct',
      'conv=notrunc',
    ])
    t.match(write, { code: 1, stderr: /No space left on device/ })
    t.equal((await attempt('dd', [`if=${served.volume}`, 'of=/dev/null', 'bs=1M', 'count=1'])).code, 0)
    t.match(await served.stop(), { code: 0 })
    // The kernel lets go of the files of an io_uring a moment after the process that had it ended.
    await until('the image is free', async () => (await attempt('umount', [directory])).code === 0)
  })

  t.test('a transport that is not available is exit status 3', async (t) => {
    const result = await ringvol(['-q', 'attach', sparseImage(MiB), '--transport', 'uring'], {
      environment: { RINGVOL_WITHOUT: 'nothing' },
    })
    if (result.code === 0) {
      t.equal((await ringvol(['detach', '--all'])).code, 0, 'it is available here')
      return
    }
    t.match(result, { code: 3, stdout: '', stderr: /^ringvol: [^\n]+\n$/ })
  })

  t.test('a config file with a mistake is named, and so is one that others may write', async (t) => {
    const config = freshPath('config')
    writeFileSync(config, '{ "transprot": "uring" }', { mode: 0o600 })
    const unknown = await ringvol(['attach', sparseImage(MiB), '--config', config])
    t.match(unknown, { code: 2, stdout: '', stderr: /unknown option 'transprot'; did you mean 'transport'\?/ })
    chmodSync(config, 0o666)
    t.match(await ringvol(['attach', sparseImage(MiB), '--config', config]), { code: 2, stderr: /written by others/ })
  })

  t.test('targets that do not exist, and none at all', async (t) => {
    t.match(await ringvol(['detach', 'nobody']), {
      code: 1,
      stderr: "ringvol: there is no volume 'nobody'; see 'ringvol list'\n",
    })
    t.match(await ringvol(['detach', '/dev/loop1048575']), { code: 1, stderr: /is not a device of ringvol/ })
    t.match(await ringvol(['detach']), { code: 2, stdout: '' })
    t.match(await ringvol(['detach', '--all', 'x']), { code: 2 })
    t.match(await ringvol(['detach', '--all']), { code: 0, stdout: '', stderr: '' }, 'all of none is done')
    t.match(await ringvol(['info', freshPath('none')]), { code: 1, stdout: '' })
    t.match(await ringvol([]), { code: 2, stderr: /^ringvol: there is no command/ })
  })
})
