/** One owner per name, from before the first resource until after the last, whoever dies in between. */
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { claimVolume, inheritClaim } from '../../src/host/claim.js'
import { identify } from '../../src/host/process.js'
import { readState, volumePaths } from '../../src/host/state.js'
import { machine, type Machine } from './machine.js'

/** The made-up machine knows this process, so that its claims are alive. */
const livingMachine = async (t: Parameters<typeof machine>[0]): Promise<Machine> => {
  const fake = machine(t)
  const self = await identify(process.pid)
  fake.process(process.pid, { startTime: self?.startTime ?? 0 })
  return fake
}

const deadState = (name: string, mountpoint: string): string =>
  JSON.stringify({
    version: 1,
    name,
    source: '/d.img',
    mountpoint,
    owner: { pid: 999_999, startTime: 5 },
    options: {},
    status: null,
  })

t.test('a claim is a private folder with the state in it, and nothing after release', async (t) => {
  const fake = await livingMachine(t)
  const claim = await claimVolume({ source: '/srv/disk.img' }, fake)
  t.equal(claim.name, 'disk')
  t.equal(claim.mountpoint, join(fake.run, 'disk/mount'))
  t.equal(statSync(claim.paths.directory).mode & 0o777, 0o700)
  t.match(JSON.parse(readFileSync(claim.paths.state, 'utf8')), { owner: { pid: process.pid }, status: null })
  await claim.release()
  await claim.release()
  t.strictSame(readdirSync(fake.run), [])
})

t.test('a name from the source gets a number if it is taken, a given one is refused', async (t) => {
  const fake = await livingMachine(t)
  const names = []
  for (let i = 0; i < 3; i++) names.push((await claimVolume({ source: '/srv/disk.img' }, fake)).name)
  t.strictSame(names, ['disk', 'disk-2', 'disk-3'])
  await t.rejects(claimVolume({ name: 'disk', source: '/srv/disk.img' }, fake), {
    code: 'ERR_NAME_BUSY',
    message: /served by process \d+; choose another --name/,
  })
})

t.test('claims at the same time get different names', async (t) => {
  const fake = await livingMachine(t)
  const claims = await Promise.all(Array.from({ length: 10 }, () => claimVolume({ source: 'memory:1M' }, fake)))
  t.equal(new Set(claims.map(({ name }) => name)).size, 10)
})

t.test('what a dead daemon left is taken over if it is nothing but files', async (t) => {
  const fake = await livingMachine(t)
  fake.write('run/disk/state.json', deadState('disk', join(fake.run, 'disk/mount')))
  fake.write('run/disk/log', 'last words')
  mkdirSync(join(fake.run, 'disk/mount'))
  const claim = await claimVolume({ name: 'disk', source: '/d.img' }, fake)
  t.notOk(existsSync(claim.paths.log))
  t.strictSame(readdirSync(fake.run), ['disk'])
})

t.test('what a dead daemon left mounted or attached is not touched', async (t) => {
  const fake = await livingMachine(t)
  fake.write('run/disk/state.json', deadState('disk', '/mnt/disk'))
  fake.mounts('30 1 0:50 / /mnt/disk rw - fuse.ringvol disk rw')
  const attempt = claimVolume({ name: 'disk', source: '/d.img' }, fake)
  await t.rejects(attempt, { code: 'ERR_NAME_BUSY', message: /a daemon that died; run 'ringvol detach disk'/ })
  fake.mounts()
  fake.loop(0, '/mnt/disk/volume')
  await t.rejects(claimVolume({ name: 'disk', source: '/d.img' }, fake), { code: 'ERR_NAME_BUSY' })
  t.ok(existsSync(join(fake.run, 'disk/state.json')))
})

t.test('an empty folder, left by an interrupted removal, is free', async (t) => {
  const fake = await livingMachine(t)
  mkdirSync(join(fake.run, 'disk'), { recursive: true })
  t.equal((await claimVolume({ name: 'disk', source: '/d.img' }, fake)).name, 'disk')
})

t.test('names that could be paths or options are refused', async (t) => {
  const fake = await livingMachine(t)
  for (const name of ['', '../x', 'a/b', '.hidden', '-x', 'a b', 'x'.repeat(65)]) {
    await t.rejects(claimVolume({ name, source: '/d.img' }, fake), { code: 'ERR_NAME' }, JSON.stringify(name))
  }
})

t.test('a daemon takes over the claim of its parent, and of nobody else', async (t) => {
  const fake = await livingMachine(t)
  const parent = await identify(process.ppid)
  if (parent === undefined) throw new Error('no parent')
  fake.process(parent.pid, { startTime: parent.startTime })
  const state = { ...(JSON.parse(deadState('disk', '/m')) as object), owner: parent }
  fake.write('run/disk/state.json', JSON.stringify(state))
  const claim = await inheritClaim('disk', { transport: 'uring' }, fake)
  t.equal(claim?.mountpoint, '/m')
  t.match(await readState(volumePaths('disk', fake)), { owner: { pid: process.pid }, options: { transport: 'uring' } })
  t.equal(await inheritClaim('disk', {}, fake), undefined, 'now it is ours, not the parent’s')
  t.equal(await inheritClaim('other', {}, fake), undefined)
})

t.test('a folder that somebody else owns is not released', async (t) => {
  const fake = await livingMachine(t)
  const claim = await claimVolume({ name: 'disk', source: '/d.img' }, fake)
  fake.process(77)
  const state = (await readState(claim.paths)) ?? {}
  writeFileSync(claim.paths.state, JSON.stringify({ ...state, owner: { pid: 77, startTime: 1 } }))
  await claim.release()
  t.ok(existsSync(claim.paths.state))
})
