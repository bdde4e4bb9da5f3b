/**
 * `--read-only`: reading works, and nothing that would change the image gets through, also for root.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { attempt, inChild, run } from '../support/process.js'
import { attach, serve, sparseImage } from '../support/ringvol.js'
import { onEachTransport, suite } from '../support/suite.js'

const size = 4 << 20
const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

await suite(t, { needs: ['command:xfs_io'] }, () => {
  onEachTransport(t, 'a read-only volume', async (t, transport) => {
    const image = sparseImage(size)
    await run('xfs_io', ['-c', 'pwrite -q -S 0x77 0 1m', image])
    const original = hashOf(image)
    const served = await serve(image, ['--transport', transport, '--read-only'])
    t.equal(served.status.readOnly, true)

    t.test('is read, and every way to change it is refused', async (t) => {
      const results = await inChild(async (path, outcome) => {
        const fs = await import('node:fs')
        const changes = [
          () => fs.openSync(path, 'r+'),
          () => fs.openSync(path, 'w'),
          () => {
            fs.truncateSync(path, 0)
          },
          () => {
            fs.chmodSync(path, 0o666)
          },
        ]
        return { first: fs.readFileSync(path)[0], changes: changes.map(outcome), mode: fs.statSync(path).mode & 0o222 }
      }, served.volume)
      t.equal(results.first, 0x77)
      for (const code of results.changes) t.match(code, /^(EROFS|EACCES|EPERM)$/)
      t.equal(results.mode, 0, 'nobody has write permission')
    })

    t.test('ends with status 0 and has not touched the image', async (t) => {
      t.match(await served.stop(), { code: 0 })
      t.equal(hashOf(image), original)
    })

    t.test('is a read-only loop device', async (t) => {
      const attached = await attach(image, ['--transport', transport, '--read-only'])
      t.equal(await run('blockdev', ['--getro', attached.device]), '1')
      t.not((await attempt('dd', ['if=/dev/zero', `of=${attached.device}`, 'count=1', 'conv=fsync'])).code, 0)
      t.not((await attempt('blkdiscard', [attached.device])).code, 0)
      await attached.detach()
      t.equal(hashOf(image), original)
    })
  })
})
