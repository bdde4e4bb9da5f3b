/** Loop devices as sysfs shows them. Attaching and detaching for real is in test/cli/root-attach.ts. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { detachLoop, listLoops, loopsOver } from '../../src/host/loop.js'
import { machine } from './machine.js'

t.test('only devices with a file are listed, with their attributes', async (t) => {
  const fake = machine(t)
  fake.loop(0, '/srv/a.img')
  fake.loop(12, '/srv/b.img (deleted)', { ro: '1', dio: '0' })
  mkdirSync(join(fake.sys, 'block/loop1'))
  mkdirSync(join(fake.sys, 'block/sda'))
  t.strictSame(await listLoops(fake), [
    { device: '/dev/loop0', backingFile: '/srv/a.img', readOnly: false, directIo: true },
    { device: '/dev/loop12', backingFile: '/srv/b.img (deleted)', readOnly: true, directIo: false },
  ])
  t.match(await loopsOver('/srv/a.img', fake), [{ device: '/dev/loop0' }])
  t.strictSame(await loopsOver('/srv/b.img', fake), [])
})

t.test('a mounted device is not detached, and the error says where it is mounted', async (t) => {
  const fake = machine(t)
  fake.loop(0, '/srv/a.img')
  fake.mounts('30 1 7:0 / /mnt/a rw - ext4 /dev/loop0 rw')
  await t.rejects(detachLoop({ device: '/dev/loop0', backingFile: '/srv/a.img' }, fake), {
    code: 'ERR_LOOP',
    message: "cannot detach /dev/loop0: mounted on /mnt/a; run 'umount /mnt/a' first",
  })
})

t.test('a device that somebody else has by now is not touched', async (t) => {
  const fake = machine(t)
  fake.loop(0, '/srv/other.img')
  await detachLoop({ device: '/dev/loop0', backingFile: '/srv/a.img' }, fake)
  t.equal((await listLoops(fake)).length, 1)
})
