/** Every "busy" has a name: who uses a device, a file, a directory. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { blockHolders, fileHolders, openers, openersBelow } from '../../src/host/holders.js'
import { machine } from './machine.js'

const texts = (holders: { text: string }[]): string[] => holders.map(({ text }) => text)

t.test('a free device has no holders', async (t) => {
  const fake = machine(t)
  fake.loop(3, '/img')
  t.strictSame(await blockHolders('/dev/loop3', fake), [])
})

t.test('a mount is found by the number of its device, and says whether it can write', async (t) => {
  const fake = machine(t)
  fake.loop(3, '/img')
  fake.mounts('30 1 7:3 / /mnt/a rw - ext4 /dev/loop3 rw', '31 1 7:4 / /mnt/b rw - ext4 /dev/loop4 rw')
  t.match(await blockHolders('/dev/loop3', fake), [{ text: 'mounted on /mnt/a', readOnly: false }])
  fake.mounts('30 1 7:3 / /mnt/a ro - ext4 /dev/loop3 ro')
  t.match(await blockHolders('/dev/loop3', fake), [{ readOnly: true }])
})

t.test('btrfs, which shows a number of its own, is found by the name', async (t) => {
  const fake = machine(t)
  fake.loop(3, '/img')
  fake.mounts('30 1 0:40 / /mnt/b rw - btrfs /dev/loop3 rw')
  t.strictSame(texts(await blockHolders('/dev/loop3', fake)), ['mounted on /mnt/b'])
})

t.test('a mounted partition holds its disk', async (t) => {
  const fake = machine(t)
  fake.loop(3, '/img')
  fake.write('sys/class/block/loop3/loop3p1/dev', '259:7\n')
  fake.write('sys/class/block/loop3p1/dev', '259:7\n')
  fake.mounts('30 1 259:7 / /mnt/p rw - ext4 /dev/loop3p1 rw')
  t.strictSame(texts(await blockHolders('/dev/loop3', fake)), ['mounted on /mnt/p'])
})

t.test('swap and what is stacked on it hold a device', async (t) => {
  const fake = machine(t)
  fake.loop(3, '/img')
  fake.write('proc/swaps', 'Filename Type Size Used Priority\n/dev/loop3 partition 1 0 -2\n')
  mkdirSync(join(fake.sys, 'class/block/loop3/holders/dm-0'), { recursive: true })
  t.strictSame(texts(await blockHolders('/dev/loop3', fake)), ['used as swap', 'held by dm-0'])
})

t.test('a file may be swap, or the source of a mount', async (t) => {
  const fake = machine(t)
  fake.write('proc/swaps', 'Filename Type Size Used Priority\n/srv/swap file 1 0 -2\n')
  fake.mounts('30 1 0:40 / /mnt/e ro - erofs /srv/image ro')
  t.strictSame(texts(await fileHolders('/srv/swap', fake)), ['used as swap'])
  t.match(await fileHolders('/srv/image', fake), [{ text: 'mounted on /mnt/e', readOnly: true }])
  t.strictSame(await fileHolders('/srv/other', fake), [])
})

t.test('a process is found by what it has open, by name and pid, and this one is not counted', async (t) => {
  const fake = machine(t)
  fake.process(41, { comm: 'fio', open: ['/mnt/v/volume', '/dev/null'] })
  fake.process(42, { comm: 'bash' })
  fake.process(process.pid, { open: ['/mnt/v/volume'] })
  fake.link('proc/42/cwd', '/mnt/v')
  t.strictSame(texts(await openers((path) => path === '/mnt/v/volume', fake)), ['open in fio (pid 41)'])
  t.strictSame(texts(await openersBelow('/mnt/v', fake)), ['open in fio (pid 41)', 'open in bash (pid 42)'])
  t.strictSame(await openersBelow('/mnt', machine(t)), [])
})
