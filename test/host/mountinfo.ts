/** The kernel's table of mounts, with everything that may stand in it. */
import t from 'tap'
import { isFuse, listMounts, mountAt, mountOf, parseMountinfo } from '../../src/host/mountinfo.js'
import { machine } from './machine.js'

const lines = [
  '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard',
  '30 27 0:50 / /mnt/disk rw,nosuid shared:7 master:2 - fuse.ringvol disk rw,user_id=0',
  '31 27 0:51 / /mnt/with\\040space\\134 ro,relatime - tmpfs none rw',
  '32 27 7:3 / /mnt/ro rw - ext4 /dev/loop3 ro',
  '33 27 0:52 / /mnt/\xc3\xa4 rw - tmpfs none rw',
]

t.test('a mount has its device, place, type, source and whether it can be written', (t) => {
  const mounts = parseMountinfo(`${lines.join('\n')}\n`)
  t.strictSame(mounts[0], { device: '254:0', mountpoint: '/', type: 'ext4', source: '/dev/vda', readOnly: false })
  t.match(mounts[1], { device: '0:50', mountpoint: '/mnt/disk', type: 'fuse.ringvol', source: 'disk' })
  t.match(mounts[2], { mountpoint: '/mnt/with space\\', readOnly: true })
  t.match(mounts[3], { readOnly: true }, 'read-only by the file system')
  t.match(mounts[4], { mountpoint: '/mnt/ä' }, 'names are bytes, read as UTF-8')
  t.end()
})

t.test('lines of another shape are skipped', (t) => {
  t.strictSame(parseMountinfo('\nnonsense\n1 2 3\n'), [])
  t.end()
})

t.test('of mounts stacked on one place the topmost counts', (t) => {
  const mounts = parseMountinfo(`${lines[1] ?? ''}\n40 30 0:60 / /mnt/disk rw - tmpfs top rw\n`)
  t.equal(mountAt(mounts, '/mnt/disk')?.source, 'top')
  t.equal(mountAt(mounts, '/mnt'), undefined)
  t.end()
})

t.test('a path lies on the mount nearest above it', (t) => {
  const mounts = parseMountinfo(lines.join('\n'))
  t.equal(mountOf(mounts, '/mnt/disk/volume')?.type, 'fuse.ringvol')
  t.equal(mountOf(mounts, '/mnt/disk2/volume')?.type, 'ext4', 'a longer name is not below')
  t.end()
})

t.test('FUSE is recognised with and without a subtype', (t) => {
  const types = ['fuse', 'fuse.ringvol', 'fuseblk', 'fusectl', 'tmpfs']
  const found = types.filter((type) => isFuse({ device: '', mountpoint: '', type, source: '', readOnly: false }))
  t.strictSame(found, ['fuse', 'fuse.ringvol', 'fuseblk'])
  t.end()
})

t.test('it is read from the machine that is asked for', async (t) => {
  const fake = machine(t)
  fake.mounts(...lines)
  t.equal((await listMounts(fake)).length, lines.length)
})
