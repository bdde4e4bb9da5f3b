/** Whatever happens, what a run has made is taken away: in reverse order, also when one part of it resists. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Journal } from '../../bench/journal.js'
import { switchUringOn } from '../../bench/uring-switch.js'

const workspace = mkdtempSync('/var/tmp/ringvol-journal-')
t.teardown(() => {
  rmSync(workspace, { recursive: true, force: true })
})
const make = (name: string): { root: string; journal: Journal } => {
  const root = join(workspace, name)
  mkdirSync(root)
  return { root, journal: Journal.create(root) }
}

t.test('a resource is written down before it is made', async (t) => {
  const { journal } = make('before')
  journal.record({ kind: 'directory', path: '/nowhere/at/all' })
  t.match(readFileSync(join(journal.directory, 'journal'), 'utf8'), /"path":"\/nowhere\/at\/all"/)
  t.same(await journal.undoAll(), [], 'and taking away what was never made is no problem')
  t.notOk(existsSync(journal.directory))
})

t.test('what was made last is taken away first', async (t) => {
  const { journal } = make('order')
  const outer = join(journal.directory, 'outer')
  journal.record({ kind: 'directory', path: outer })
  mkdirSync(outer)
  journal.record({ kind: 'directory', path: join(outer, 'inner') })
  mkdirSync(join(outer, 'inner'))
  t.same(await journal.undoAll(), [])
})

t.test('one thing that resists does not keep the others, and nothing is deleted below it', async (t) => {
  const { root, journal } = make('resist')
  const parameter = join(root, 'parameter')
  writeFileSync(parameter, 'Y')
  journal.record({ kind: 'parameter', path: parameter, value: 'Y', was: 'N' })
  const full = join(journal.directory, 'full')
  journal.record({ kind: 'directory', path: full })
  mkdirSync(full)
  writeFileSync(join(full, 'precious'), '')
  const problems = await journal.undoAll()
  t.equal(problems.length, 1)
  t.match(problems[0], /full/)
  t.equal(readFileSync(parameter, 'utf8'), 'N', 'put back all the same')
  t.ok(existsSync(join(full, 'precious')))
})

t.test('a parameter that somebody else has changed since is left alone', async (t) => {
  const { root, journal } = make('parameter')
  const parameter = join(root, 'parameter')
  writeFileSync(parameter, 'other')
  journal.record({ kind: 'parameter', path: parameter, value: 'Y', was: 'N' })
  await journal.undoAll()
  t.equal(readFileSync(parameter, 'utf8'), 'other')
})

t.test(
  'FUSE-over-io_uring is switched on where it was off, said, and put back; where it is on or missing nothing is done',
  async (t) => {
    const { root, journal } = make('uring')
    const parameter = join(root, 'enable_uring')
    t.equal(switchUringOn(journal, parameter), null, 'no such parameter in this kernel')
    writeFileSync(parameter, 'Y\n')
    t.equal(switchUringOn(journal, parameter), null)
    writeFileSync(parameter, 'N\n')
    t.match(switchUringOn(journal, parameter), /was off; it is on for the time of this run/)
    t.equal(readFileSync(parameter, 'utf8'), 'Y')
    t.same(await journal.undoAll(), [])
    t.equal(readFileSync(parameter, 'utf8'), 'N')
  },
)

t.test('a group ends by itself while others stay', async (t) => {
  const { journal } = make('group')
  const [mine, yours] = [join(journal.directory, 'mine'), join(journal.directory, 'yours')]
  const group = journal.group()
  group.record({ kind: 'directory', path: mine })
  mkdirSync(mine)
  journal.record({ kind: 'directory', path: yours })
  mkdirSync(yours)
  await group.release()
  t.same([existsSync(mine), existsSync(yours)], [false, true])
  t.same(await journal.undoAll(), [])
})

t.test('a run that was killed is cleared up by the next, a run that still lives is not', async (t) => {
  const { root, journal: alive } = make('sweep')
  const dead = Journal.create(root)
  const left = join(dead.directory, 'left')
  dead.record({ kind: 'directory', path: left })
  mkdirSync(left)
  // The same process id with another start time: the id was given to somebody else.
  writeFileSync(join(dead.directory, 'owner'), `${String(process.pid)} 1`)
  const said = await Journal.sweep(root)
  t.equal(said.length, 2)
  t.match(said.join('\n'), /another benchmark is running/)
  t.match(said.join('\n'), /clearing up after a run that was killed/)
  t.same([existsSync(dead.directory), existsSync(alive.directory)], [false, true])
  t.same(await alive.undoAll(), [])
})
