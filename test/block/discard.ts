/**
 * Discard gives space back, zeroing zeroes, and the tools that do both without being asked find no error. The kernel
 * log gate at the end of the file is half of the test: a discard that is advertised but refused only shows up there.
 */
import { statSync } from 'node:fs'
import t from 'tap'
import { mounted } from '../support/devices.js'
import { run, until } from '../support/process.js'
import { attach, sparseImage } from '../support/ringvol.js'
import { onTransportsInTurn, suite } from '../support/suite.js'

const MiB = 1 << 20
const size = 512 * MiB
const allocated = (image: string): number => statSync(image).blocks * 512
const isZero = (device: string, length: number): Promise<string> =>
  run('cmp', ['-n', String(length), device, '/dev/zero'])

await suite(t, { needs: ['command:xfs_io', 'command:mkfs.xfs', 'xfs'] }, () => {
  onTransportsInTurn(t, 2, 'blkdiscard frees blocks of the image and leaves zeros', async (t, transport) => {
    const image = sparseImage(size)
    const attached = await attach(image, ['--transport', transport])
    const { device } = attached
    await run('xfs_io', ['-d', '-c', `pwrite -q -b 1m -S 0x88 0 ${String(32 * MiB)}`, device])
    t.ok(allocated(image) >= 32 * MiB)
    await run('blkdiscard', ['--offset', String(8 * MiB), '--length', String(16 * MiB), device])
    t.ok(allocated(image) <= 17 * MiB, `${String(allocated(image))} bytes are left of 32 MiB`)
    await run('cmp', ['-n', String(16 * MiB), '-i', `${String(8 * MiB)}:0`, device, '/dev/zero'])
    await run('blkdiscard', [device])
    t.ok(allocated(image) <= MiB)
    await isZero(device, 32 * MiB)
    await attached.detach()
  })

  onTransportsInTurn(t, 2, 'zeroing a range of the device reads back as zeros', async (t, transport) => {
    const image = sparseImage(64 * MiB)
    const attached = await attach(image, ['--transport', transport])
    await run('xfs_io', ['-d', '-c', `pwrite -q -b 1m -S 0x99 0 ${String(4 * MiB)}`, attached.device])
    await run('blkdiscard', ['--zeroout', '--length', String(2 * MiB), attached.device])
    await isZero(attached.device, 2 * MiB)
    const rest = await run('od', ['-An', '-tx1', '-j', String(2 * MiB), '-N', '4', attached.device])
    t.equal(rest.trim(), '99 99 99 99', 'and what follows stays')
    await attached.detach()
  })

  for (const name of ['ext4', 'xfs']) {
    onTransportsInTurn(
      t,
      2,
      `mkfs.${name} with discard, and fstrim after removing a file, give its space back`,
      async (t, transport) => {
        const image = sparseImage(size)
        const attached = await attach(image, ['--transport', transport])
        await run(`mkfs.${name}`, ['-q', attached.device])
        await mounted(attached.device, async (mountpoint) => {
          await run('dd', [
            'if=/dev/urandom',
            `of=${mountpoint}/file`,
            'bs=1M',
            'count=48',
            'conv=fsync',
            'status=none',
          ])
          const full = allocated(image)
          await run('rm', [`${mountpoint}/file`])
          // xfs frees the blocks of a removed file in the background: what fstrim does not find yet it finds later.
          await until(`40 MiB less than ${String(full)} are allocated`, async () => {
            await run('sync', ['-f', mountpoint])
            await run('fstrim', [mountpoint])
            return full - allocated(image) >= 40 * MiB
          })
          t.pass(`${String(full)} before, ${String(allocated(image))} after`)
        })
        await attached.detach()
      },
    )
  }
})
