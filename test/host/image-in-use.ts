/** Two writers that do not know of each other destroy a file system: an image in use is refused, by name. */
import { linkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { refuseImageInUse } from '../../src/host/image-in-use.js'
import { machine } from './machine.js'

t.test(
  'an image that nothing uses passes, also one that does not exist yet, and sources that are no file',
  async (t) => {
    const fake = machine(t)
    const image = fake.write('disk.img', 'x')
    for (const source of [image, `file:${image}`, `${image}.missing`, 'memory:1G', 'module:x.js']) {
      await t.resolves(refuseImageInUse(source, {}, fake), source)
    }
  },
)

t.test('a loop device over the image is named, and where it is mounted', async (t) => {
  const fake = machine(t)
  const image = fake.write('disk.img', 'x')
  fake.loop(5, image)
  await t.rejects(refuseImageInUse(image, {}, fake), {
    code: 'ERR_IMAGE_BUSY',
    message: `${image} is in use: loop device /dev/loop5 is over it; run 'losetup --detach /dev/loop5' first`,
  })
  fake.mounts('27 1 8:1 / / rw - ext4 /dev/sda1 rw', '30 1 7:5 / /mnt/a rw - ext4 /dev/loop5 rw')
  await t.rejects(refuseImageInUse(image, {}, fake), /\/dev\/loop5 is over it, mounted on \/mnt\/a; run 'umount/)
})

t.test('the same file by another name is found', async (t) => {
  const fake = machine(t)
  const image = fake.write('disk.img', 'x')
  linkSync(image, join(fake.directory, 'other.img'))
  fake.mounts('27 1 8:1 / / rw - ext4 /dev/sda1 rw')
  fake.loop(5, join(fake.directory, 'other.img'))
  await t.rejects(refuseImageInUse(image, {}, fake), { code: 'ERR_IMAGE_BUSY' })
})

t.test('what lies on a FUSE mount is not asked for its identity, because its server may hang', async (t) => {
  const fake = machine(t)
  const image = fake.write('disk.img', 'x')
  linkSync(image, join(fake.directory, 'other.img'))
  fake.mounts(`27 1 0:40 / ${fake.directory} rw - fuse.ringvol x rw`)
  fake.loop(5, join(fake.directory, 'other.img'))
  await t.resolves(refuseImageInUse(image, {}, fake))
})

t.test('readers may share an image, a reader and a writer may not', async (t) => {
  const fake = machine(t)
  const image = fake.write('disk.img', 'x')
  fake.loop(5, image, { ro: '1' })
  await t.resolves(refuseImageInUse(image, { readOnly: true }, fake))
  await t.rejects(refuseImageInUse(image, { readOnly: false }, fake), { code: 'ERR_IMAGE_BUSY' })
  fake.loop(5, image, { ro: '0' })
  await t.rejects(refuseImageInUse(image, { readOnly: true }, fake), { code: 'ERR_IMAGE_BUSY' })
})

t.test('an image used as swap is refused', async (t) => {
  const fake = machine(t)
  const image = fake.write('disk.img', 'x')
  fake.write('proc/swaps', `Filename Type Size Used Priority\n${image} file 1 0 -2\n`)
  await t.rejects(refuseImageInUse(image, {}, fake), /used as swap; run 'swapoff/)
})

t.test('a running volume over the image is named; a dead one does not count', async (t) => {
  const fake = machine(t)
  const image = fake.write('disk.img', 'x')
  fake.process(42)
  const state = {
    version: 1,
    name: 'disk',
    source: image,
    mountpoint: '/mnt',
    owner: { pid: 42, startTime: 1 },
    options: {},
    status: { readOnly: false },
  }
  fake.write('run/disk/state.json', JSON.stringify(state))
  await t.rejects(refuseImageInUse(image, {}, fake), /volume 'disk' exports it; run 'ringvol detach disk' first/)
  fake.process(42, { startTime: 2 })
  await t.resolves(refuseImageInUse(image, {}, fake))
})
