/** A matrix must hold what was asked for, beside what it is fair to compare it with. */
import t from 'tap'
import { planSystems, type Planned } from '../../bench/choose.js'
import makeBuffer from '../../bench/backends/buffer.js'
import { parseArguments } from '../../bench/options.js'
import { ext4Bytes } from '../../bench/stores.js'

const plan = (...argv: string[]): Planned[] => {
  const command = parseArguments(argv)
  if (command?.command !== 'run') throw new Error('no run command')
  return planSystems(command.settings)
}
const names = (...argv: string[]): string[] => plan(...argv).map(({ name }) => name)

t.test('passthrough is left out where there is no file, everything else is measured on every transport', (t) => {
  t.same(names('--backend', 'file,memory', '--transport', 'passthrough,uring'), [
    'plain loop',
    'ringvol passthrough',
    'ringvol uring',
    'ringvol uring memory',
  ])
  t.end()
})

t.test('images on ext4 stand beside a plain loop device on ext4, and on tmpfs only where something else does', (t) => {
  t.same(names('--backend', 'ext4', '--transport', 'uring'), ['plain loop ext4', 'ringvol uring ext4'])
  t.same(
    plan('--backend', 'ext4,buffer', '--transport', 'uring').map(({ name, medium }) => `${name}: ${medium}`),
    ['plain loop: tmpfs', 'plain loop ext4: ext4', 'ringvol uring ext4: ext4', 'ringvol uring buffer: memory'],
  )
  t.end()
})

t.test('beside memory stands the memory of a peer, beside files its files', (t) => {
  const peers = (...argv: string[]): string[] =>
    plan(...argv)
      .filter(({ kind }) => kind === 'peer')
      .map(({ name }) => name)
  t.same(peers('--backend', 'memory', '--peer', 'nbdkit'), ['nbdkit memory + nbdfuse'])
  t.same(peers('--backend', 'memory', '--peer', 'qemu'), ['qemu-storage-daemon'], 'which has no memory of its own')
  t.same(peers('--backend', 'file,ext4,memory', '--peer', 'all'), [
    'qemu-storage-daemon',
    'qemu-storage-daemon ext4',
    'nbdkit + nbdfuse',
    'nbdkit + nbdfuse ext4',
    'nbdkit memory + nbdfuse',
  ])
  t.end()
})

t.test("with the caller's image every file is that image", (t) => {
  t.same(
    plan('--image', '/srv/disk', '--yes-overwrite', '--transport', 'uring').map(({ medium }) => medium),
    ['image', 'image'],
  )
  t.end()
})

t.test('no two systems have one name, whatever is asked for', (t) => {
  const all = names('--backend', 'all', '--transport', 'all', '--lanes', 'auto,1,2', '--peer', 'all')
  t.equal(new Set(all).size, all.length)
  t.end()
})

t.test('the ext4 that images lie on has room for them and for itself, and is not made for none', (t) => {
  t.ok(ext4Bytes(1024 ** 3, 5) > 5 * 1024 ** 3 * 1.05)
  t.equal(ext4Bytes(1024 ** 3, 0), 0)
  t.end()
})

t.test('the buffer backend gives back what was written, and nothing before', async (t) => {
  const backend = makeBuffer({ size: 1024 ** 2 })
  await backend.open()
  const block = Buffer.alloc(4096, 'x')
  await backend.read(block, 8192)
  t.ok(block.every((byte) => byte === 0))
  await backend.write(Buffer.alloc(4096, 'y'), 1024 ** 2 - 4096)
  await backend.read(block, 1024 ** 2 - 4096)
  t.ok(block.equals(Buffer.alloc(4096, 'y')))
  t.throws(() => makeBuffer({}), /has no size; give --size/)
})
