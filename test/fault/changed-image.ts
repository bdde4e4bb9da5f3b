/**
 * An image that somebody cuts short, replaces or makes read-only under a running export, and one that may not grow: an
 * error on the request, said once, and no zeros that nobody wrote.
 */
import { chmodSync, readFileSync, renameSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { attempt, run, until, type Result } from '../support/process.js'
import { attach, list, ringvolOk, serve, sparseImage } from '../support/ringvol.js'
import { runDirectory } from '../support/scratch.js'
import { onEachTransport, onTransportsInTurn, suite } from '../support/suite.js'

const MiB = 1 << 20

const dd = (from: string, to: string, ...more: string[]): Promise<Result> =>
  attempt('dd', [`if=${from}`, `of=${to}`, 'bs=64K', 'count=1', 'conv=notrunc', ...more])
const readAt = (volume: string, offset: number): Promise<Result> =>
  dd(volume, '/dev/null', `skip=${String(offset / 65536)}`, 'iflag=direct')
const writeAt = (volume: string, offset: number): Promise<Result> =>
  dd('/dev/urandom', volume, `seek=${String(offset / 65536)}`, 'oflag=direct')

await suite(t, { expectedLog: [/I\/O error, dev loop/, /Buffer I\/O error on dev loop/] }, () => {
  onEachTransport(t, 'what was cut off is an error, for writes too', async (t, transport) => {
    const image = sparseImage(4 * MiB)
    const served = await serve(image, ['--transport', transport])
    t.equal((await writeAt(served.volume, 3 * MiB)).code, 0)
    truncateSync(image, 2 * MiB)
    t.match(await readAt(served.volume, 3 * MiB), { code: 1, stderr: /Input\/output error/ }, 'at once')
    await until('it is noticed', async () => (await list()).some((volume) => volume.image === 'changed'))
    t.match(await readAt(served.volume, 2 * MiB), { code: 1, stderr: /Input\/output error/ })
    t.match(await writeAt(served.volume, 3 * MiB), { code: 1, stderr: /Input\/output error/ })
    t.equal(statSync(image).size, 2 * MiB, 'the write did not make it longer')
    t.equal((await writeAt(served.volume, MiB)).code, 0, 'the rest goes on')
    t.equal((await readAt(served.volume, MiB)).code, 0)
    t.equal(served.daemon.stderr().split('cut short to').length - 1, 1, 'said once')
    await served.stop()
  })

  onEachTransport(t, 'a limit on the size of files is an error of the write', async (t, transport) => {
    const served = await serve(sparseImage(4 * MiB), ['--transport', transport])
    await run('prlimit', ['--pid', String(served.status.pid), `--fsize=${String(2 * MiB)}`])
    t.match(await writeAt(served.volume, 3 * MiB), { code: 1, stderr: /File too large/ })
    t.equal((await writeAt(served.volume, MiB)).code, 0, 'the daemon lives, and writes below it')
    t.match(await served.stop(), { code: 0 })
  })

  onTransportsInTurn(
    t,
    2,
    'an image that was replaced takes no writes and flushes, and can still be read',
    async (t, transport) => {
      const image = sparseImage(4 * MiB)
      const served = await serve(image, ['--transport', transport])
      t.equal((await writeAt(served.volume, MiB)).code, 0)
      writeFileSync(`${image}.new`, 'another')
      renameSync(`${image}.new`, image)
      await until('it is noticed', async () => (await list()).some((volume) => volume.image === 'changed'))
      t.match(await writeAt(served.volume, MiB), { code: 1, stderr: /Input\/output error/ })
      const sync = await attempt('dd', ['if=/dev/null', `of=${served.volume}`, 'conv=notrunc,fsync'])
      t.match(sync, { code: 1, stderr: /Input\/output error/ }, 'a flush would promise what cannot be kept')
      t.equal((await readAt(served.volume, MiB)).code, 0)
      t.equal(readFileSync(image, 'utf8'), 'another', 'the file in its place is left alone')
      t.match(await served.stop(), { code: 1, stderr: /no name any more/ })
    },
  )

  t.test('an image that nobody may write any more takes no writes', async (t) => {
    const image = sparseImage(4 * MiB)
    const served = await serve(image, ['--transport', 'syscall'])
    t.equal((await writeAt(served.volume, MiB)).code, 0)
    chmodSync(image, 0o400)
    await until('it is noticed', async () => (await list()).some((volume) => volume.image === 'changed'))
    t.match(await writeAt(served.volume, MiB), { code: 1, stderr: /Input\/output error/ })
    t.match(await served.stop(), { code: 0 }, 'what was written before is in the image')
  })

  t.test('where the kernel moves the data, a flush into a file without a name fails', async (t) => {
    const image = sparseImage(4 * MiB)
    const attached = await attach(image, ['--name', 'removed'])
    unlinkSync(image)
    await until('it is noticed', async () => (await list()).some((volume) => volume.image === 'changed'))
    const write = await attempt('dd', ['if=/dev/zero', `of=${attached.device}`, 'bs=4k', 'count=1', 'conv=fsync'])
    t.match(write, { code: 1, stderr: /Input\/output error/ })
    await t.rejects(attached.detach(), /no name any more/)
  })

  t.test('where the kernel moves the data it is at least said', async (t) => {
    const image = sparseImage(4 * MiB)
    const attached = await attach(image, ['--name', 'cut'])
    truncateSync(image, 2 * MiB)
    await until('it is noticed', async () => (await list()).some((volume) => volume.image === 'changed'))
    t.match(await readAt(attached.device, 3 * MiB), { code: 1, stderr: /Input\/output error/ })
    t.match(readFileSync(join(runDirectory, 'cut/log'), 'utf8'), /cut short to 2097152 bytes/)
    t.match(JSON.parse(await ringvolOk(['info', 'cut', '--json'])), { image: 'changed' })
    await attached.detach()
  })
})
