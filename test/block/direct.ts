/**
 * O_DIRECT on the loop device is O_DIRECT on the image: what is read and written through it leaves nothing in the page
 * cache below, where it would take memory twice and be lost with the machine. Passthrough does so by itself, the other
 * transports with `--direct`.
 */
import t from 'tap'
import { run } from '../support/process.js'
import { attach, sparseImage } from '../support/ringvol.js'
import { onEachTransport, suite } from '../support/suite.js'

const size = 16 << 20

/** Pages of the file in the page cache. */
const cachedPages = async (path: string): Promise<number> =>
  Number(await run('fincore', ['--noheadings', '--output', 'PAGES', path]))

/** On a disk, with data, and none of it in memory. */
const coldImage = async (): Promise<string> => {
  const image = sparseImage(size)
  await run('xfs_io', ['-c', 'pwrite -q -S 0x5a 0 16m', '-c', 'fsync', '-c', 'fadvise -d 0 16m', image])
  return image
}

await suite(t, { needs: ['command:xfs_io', 'command:fincore'] }, () => {
  onEachTransport(t, 'direct I/O on the device does not fill the page cache below', async (t, transport) => {
    const image = await coldImage()
    t.equal(await cachedPages(image), 0, 'it starts cold')
    const direct = transport === 'passthrough' ? [] : ['--direct']
    const attached = await attach(image, ['--transport', transport, ...direct])
    const before = await cachedPages(image)
    await run('dd', [`if=${attached.device}`, 'of=/dev/null', 'bs=1M', 'count=8', 'iflag=direct', 'status=none'])
    const write = ['if=/dev/zero', 'bs=1M', 'count=4', 'seek=8', 'oflag=direct', 'conv=fsync', 'status=none']
    await run('dd', [...write, `of=${attached.device}`])
    t.equal(await cachedPages(image), before, 'no page more after 8 MiB read and 4 MiB written')
    t.ok(before < 64, `to attach it took ${String(before)} pages`)
    await attached.detach()
    await run('dd', [`if=${image}`, 'of=/dev/null', 'bs=1M', 'count=1', 'status=none'])
    t.ok((await cachedPages(image)) >= 256, 'what is read through the page cache is seen there')
  })
})
