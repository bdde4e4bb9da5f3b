/**
 * A mountpoint is a place that others may use too, as soon as the volume is gone from it: whatever they mount there is
 * theirs.
 */
import t from 'tap'
import { Mount } from '../../src/transport/mount.js'
import { mountsUnder } from '../support/mounts.js'
import { run } from '../support/process.js'
import { freshDirectory } from '../support/scratch.js'
import { suite } from '../support/suite.js'

// Nothing answers INIT here, so nothing may look into these mounts; unmounting lazily asks for nothing.
const open = (t: { teardown: (action: () => void) => void }, name: string): Mount => {
  const mountpoint = freshDirectory(name)
  const mount = Mount.open({ mountpoint, source: 'foreign', readOnly: false, allowOther: false })
  t.teardown(() => {
    mount.close()
  })
  return mount
}
const types = (path: string): string[] => mountsUnder(path).map(({ type }) => type)

await suite(t, {}, () => {
  for (const name of ['plain', 'with space, \\ backslash and ümläut']) {
    t.test(`${name}: a volume unmounts itself, and only once`, async (t) => {
      const mount = open(t, name)
      t.strictSame(types(mount.mountpoint), ['fuse.ringvol'])
      await mount.unmount({ lazy: true })
      t.strictSame(types(mount.mountpoint), [])
      await mount.unmount({ lazy: true })
      await mount.unmount({ lazy: false })
    })

    t.test(`${name}: what is mounted in a volume’s place after it is gone stays`, async (t) => {
      const mount = open(t, name)
      await run('umount', ['-l', mount.mountpoint])
      await run('mount', ['-t', 'tmpfs', 'none', mount.mountpoint])
      for (const lazy of [true, false]) {
        await mount.unmount({ lazy })
        t.strictSame(types(mount.mountpoint), ['tmpfs'], `lazy: ${String(lazy)}`)
      }
      await run('umount', [mount.mountpoint])
    })

    t.test(`${name}: what is mounted over a volume keeps it, and stays`, async (t) => {
      const mount = open(t, name)
      // With the connection ended, so that mount(8), which looks at the directory first, gets an error and not a wait.
      mount.close()
      await run('mount', ['-t', 'tmpfs', '--internal-only', 'none', mount.mountpoint])
      await t.rejects(mount.unmount({ lazy: true }), { code: 'ERR_MOUNT', errno: 16 })
      t.strictSame(types(mount.mountpoint).toSorted(), ['fuse.ringvol', 'tmpfs'])
      await run('umount', [mount.mountpoint])
      await mount.unmount({ lazy: true })
    })
  }
})
