/**
 * Space: punching, zeroing, reserving, and finding out what is data. A loop device turns discard and write-zeroes into
 * these, and a file system believes the answers.
 */
import { readFileSync, statSync } from 'node:fs'
import t from 'tap'
import { attempt, run } from '../support/process.js'
import { serve, sparseImage } from '../support/ringvol.js'
import { onEachTransport, suite } from '../support/suite.js'

const MiB = 1 << 20
const size = 8 * MiB
const io = (path: string, ...commands: string[]): Promise<string> =>
  run('xfs_io', [...commands.flatMap((command) => ['-c', command]), path])

await suite(t, { needs: ['command:xfs_io'] }, () => {
  onEachTransport(t, 'space', async (t, transport) => {
    const image = sparseImage(size)
    const served = await serve(image, ['--transport', transport])
    const { volume } = served
    const allocated = (): number => statSync(image).blocks * 512
    const bytes = (offset: number, length: number): Buffer => readFileSync(image).subarray(offset, offset + length)

    t.test('a punched range reads as zeros, and its blocks go back', async (t) => {
      await io(volume, `pwrite -q -S 0x33 0 ${String(4 * MiB)}`, 'fsync')
      const before = allocated()
      await io(volume, `fpunch ${String(MiB)} ${String(2 * MiB)}`, 'fsync')
      t.ok(before - allocated() >= 2 * MiB, `${String(before)} bytes before, ${String(allocated())} after`)
      t.ok(bytes(MiB, 2 * MiB).every((byte) => byte === 0))
      t.equal(bytes(MiB - 1, 1)[0], 0x33, 'and the byte before it stays')
      t.equal(bytes(3 * MiB, 1)[0], 0x33, 'and the byte after it')
    })

    t.test('a zeroed range reads as zeros through the volume', async (t) => {
      await io(volume, 'pwrite -q -S 0x44 0 64k', 'fzero -k 4k 8k')
      const dump = await io(volume, 'pread -q -v 0 64k')
      t.notMatch(dump, /error/)
      t.ok(bytes(4096, 8192).every((byte) => byte === 0))
      t.equal(bytes(12288, 1)[0], 0x44)
    })

    t.test('reserving space inside changes neither contents nor size', async (t) => {
      await io(volume, 'pwrite -q -S 0x55 5m 4k', 'falloc 5m 64k', 'falloc -k 5m 64k')
      t.equal(bytes(5 * MiB, 1)[0], 0x55)
      t.equal(statSync(image).size, size)
    })

    t.test('reserving space behind the end is refused and nothing grows', async (t) => {
      const { stdout, stderr } = await attempt('xfs_io', ['-c', `falloc 0 ${String(size + MiB)}`, volume])
      t.match(stdout + stderr, /No space left|File too large|Operation not permitted/)
      t.match(await io(volume, 'stat'), new RegExp(`stat.size = ${String(size)}\\b`))
      t.equal(statSync(image).size, size)
    })

    t.test('removing a range out of the middle is not supported, and says so', async (t) => {
      const { stdout, stderr } = await attempt('xfs_io', ['-c', 'fcollapse 0 64k', volume])
      t.match(stdout + stderr, /not supported/)
    })

    t.test('data and holes are found where the image has them', async (t) => {
      await io(volume, `fpunch 0 ${String(size)}`, 'pwrite -q -S 0x66 1m 1m', 'fsync')
      t.match(await io(volume, 'seek -a -r 0'), await io(image, 'seek -a -r 0'))
      t.match(await io(volume, 'seek -d 0'), /DATA\s+1048576/)
      t.match(await io(volume, 'seek -h 1m'), /HOLE\s+2097152/)
      t.match(await io(volume, 'seek -d 2m'), /DATA\s+EOF/)
      t.match(await io(volume, 'seek -h 7m'), /HOLE\s+7340032/)
    })

    t.test('is served until it is told to stop, and then ends with status 0', async (t) => {
      t.match(await served.stop(), { code: 0 })
    })
  })
})
