/**
 * The harness, tested on plain loop devices and tmpfs mounts: a sweep that misses something, or takes somebody else's,
 * is worse than none.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { attachedLoops, ownLoops } from './journal.js'
import { mountsUnder } from './mounts.js'
import { attempt, inChild, run, start, until } from './process.js'
import { requires } from './requires.js'
import { sparseImage } from './ringvol.js'
import { freshDirectory, markedPids, scratch } from './scratch.js'
import { randomFrom } from './seed.js'
import { abandoned, leftovers, sweep } from './sweep.js'

t.teardown(() => {
  sweep()
})

t.test('a child that ends with a status gives it, with both outputs', async (t) => {
  const result = await attempt('sh', ['-c', 'echo out; echo err >&2; exit 7'])
  t.strictSame(result, { code: 7, stdout: 'out\n', stderr: 'err\n' })
})

t.test('a child killed by a signal gives 128 and the signal', async (t) => {
  t.equal((await attempt('sh', ['-c', 'kill -9 $$'])).code, 137)
})

t.test('a child that misses its deadline is killed and its kernel stack is in the error', async (t) => {
  await t.rejects(attempt('sleep', ['60'], { deadline: 200 }), /no end within 200 ms[^]*sleep 60/)
  await until('the child is gone', () => markedPids().length === 0)
})

t.test('waiting for a line ends at once when the child ends without it', async (t) => {
  await t.rejects(
    start('sh', ['-c', 'echo no; exit 3']).line((line) => line === 'yes'),
    /ended with 3 before the line/,
  )
})

t.test('a program that does not exist is an error, not a hang', async (t) => {
  await t.rejects(attempt('/nonexistent/program', []), { code: 'ENOENT' })
})

t.test('a function runs in a child and only its result comes back', async (t) => {
  const result = await inChild(async (path) => {
    const { readdirSync } = await import('node:fs')
    return { pid: process.pid, names: readdirSync(path) }
  }, scratch)
  t.not(result.pid, process.pid)
  t.ok(result.names.includes('owner'))
})

t.test('the same seed gives the same numbers', (t) => {
  const [a, b] = [randomFrom(7), randomFrom(7)]
  t.strictSame(
    Array.from({ length: 20 }, () => a.below(1000)),
    Array.from({ length: 20 }, () => b.below(1000)),
  )
  t.end()
})

t.test('a directory whose test process ended is abandoned, one whose process lives is not', (t) => {
  const directory = `${scratch}-dead`
  mkdirSync(directory)
  t.teardown(() => {
    sweep(directory)
  })
  writeFileSync(join(directory, 'owner'), `${String(process.pid)} 1\n`)
  t.ok(abandoned().includes(directory), 'the pid was used again by another process')
  t.notOk(abandoned().includes(scratch))
  t.end()
})

t.test('a sweep takes down mounts, loop devices and processes', { skip: requires('root', 'loop') }, async (t) => {
  const directory = `${scratch}-other`
  mkdirSync(join(directory, 'tmpfs'), { recursive: true })
  writeFileSync(join(directory, 'owner'), '1 1\n')
  await run('mount', ['-t', 'tmpfs', 'none', join(directory, 'tmpfs')])
  const image = sparseImage(16 << 20, join(directory, 'tmpfs'))
  const device = await run('losetup', ['--find', '--show', image])
  await run('mkfs.ext4', ['-q', device])
  mkdirSync(join(directory, 'ext4'))
  await run('mount', [device, join(directory, 'ext4')])
  const sleeper = start('sleep', ['60'], { environment: { RINGVOL_TEST: directory } })
  await until('the process is listed', () => markedPids(directory).length === 1)
  t.equal(leftovers(directory).length, 4)

  const { found, stuck } = sweep(directory)
  t.equal(found.length, 4)
  t.strictSame(stuck, [])
  t.equal((await sleeper.ended()).code, 128 + 15)
  t.notOk(attachedLoops().some((loop) => loop.device === device && loop.backing === image))
})

t.test('a loop device of somebody else is not ours', { skip: requires('root', 'loop') }, async (t) => {
  const image = sparseImage(1 << 20)
  const device = await run('losetup', ['--find', '--show', image])
  t.teardown(() => run('losetup', ['-d', device]))
  t.ok(ownLoops().some((loop) => loop.device === device))
  t.notOk(ownLoops(freshDirectory('stranger')).some((loop) => loop.device === device))
})

t.test('a mountpoint with spaces in its name is found', { skip: requires('root') }, async (t) => {
  const path = freshDirectory('with space and \\ backslash')
  await run('mount', ['-t', 'tmpfs', 'none', path])
  t.match(mountsUnder(path), [{ path, type: 'tmpfs' }])
  await run('umount', [path])
  t.strictSame(mountsUnder(path), [])
})
