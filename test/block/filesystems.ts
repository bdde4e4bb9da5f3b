/**
 * Real file systems on the loop device: what was copied in comes out after everything was taken down and set up again,
 * the checkers find nothing, and the image is an ordinary one that a plain loop device reads as well.
 */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { fileSystems, mounted, plainLoop } from '../support/devices.js'
import { run } from '../support/process.js'
import { attach, sparseImage } from '../support/ringvol.js'
import { freshDirectory } from '../support/scratch.js'
import { seeded } from '../support/seed.js'
import { onTransportsInTurn, suite } from '../support/suite.js'
import { fingerprint, plantTree } from '../support/tree.js'

// mkfs.xfs refuses less than 300 MiB.
const size = 512 << 20
const files = 2000

await suite(t, { needs: ['command:xfs_repair', 'command:mkfs.btrfs', 'xfs', 'btrfs'] }, async () => {
  const tree = freshDirectory('tree')
  plantTree(tree, files, seeded(t))
  const original = await fingerprint(tree)
  const memory = freshDirectory('tmpfs')
  await run('mount', ['-t', 'tmpfs', '-o', 'size=2g', 'none', memory])

  for (const [where, directory] of [
    ['tmpfs', memory],
    ['disk', freshDirectory('disk')],
  ] as const) {
    for (const { name, make, check } of fileSystems) {
      onTransportsInTurn(
        t,
        1,
        `a tree on ${name} over an image on ${where} is the same after re-attaching`,
        async (t, transport) => {
          const image = sparseImage(size, directory)
          const first = await attach(image, ['--transport', transport])
          t.equal(readFileSync(`/sys/block/${first.device.slice(5)}/loop/dio`, 'utf8').trim(), '1', 'direct I/O is on')
          await make(first.device)
          await mounted(first.device, (mountpoint) => run('cp', ['-a', `${tree}/.`, mountpoint], { deadline: 60_000 }))
          await first.detach()

          const second = await attach(image, ['--transport', transport])
          await check(second.device)
          t.equal(await mounted(second.device, fingerprint), original, 'through ringvol')
          await second.detach()

          t.equal(
            await plainLoop(image, (device) => mounted(device, fingerprint, ['-o', 'ro'])),
            original,
            'without it',
          )
          await run('rm', [image])
        },
      )
    }
  }
  t.test('the tmpfs goes', async (t) => {
    await run('umount', [memory])
    t.pass('unmounted')
  })
})
