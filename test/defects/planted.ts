/**
 * The test of the tests: each defect of the table is planted in a copy of the tree, and the test that has to find it
 * does. The same test passes on a copy without the defect, so it is the defect that it fails on.
 *
 * RINGVOL_TEST_DEFECTS=all (`npm run test:defects`) also plants the slow ones and those in native code, any other word
 * those with that word in their name.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { copyAndBuild, copyFor, plant, run, type Run, sweeper } from './copy.js'
import { type Defect, defects } from './table.js'

const wanted = process.env['RINGVOL_TEST_DEFECTS']
const deadline = 600_000

/** The named test on a copy, with the defect or without. It ends with its first failure. */
const runOnCopy = async (t: Test, { caughtBy, environment = {}, cost }: Defect, defect?: Defect): Promise<Run> => {
  const directory = mkdtempSync(join(tmpdir(), 'ringvol-defect-'))
  t.teardown(() => {
    rmSync(directory, { recursive: true })
  })
  if (cost === 'root') await copyAndBuild(caughtBy, directory, defect)
  else copyFor(caughtBy, directory, defect)
  const node = (file: string): Promise<Run> =>
    run([process.execPath, file.replace(/\.ts$/, '.js')], {
      cwd: directory,
      environment: { TAP_BAIL: '1', ...environment },
      deadline,
    })
  const result = await node(caughtBy)
  if (cost === 'root') t.equal((await node(sweeper)).code, 0, 'what it left is swept')
  return result
}

// Volumes and loop devices belong to the whole machine.
t.jobs = wanted === undefined ? 2 : 1

const isRoot = process.getuid?.() === 0
const isChosen = ({ name, cost }: Defect): boolean =>
  wanted === undefined ? cost === 'quick' : wanted === 'all' || name.includes(wanted)
const chosen = defects.filter(isChosen)
const skip = ({ cost }: Defect): string | false => cost === 'root' && !isRoot && 'needs root'

const tests = new Map(chosen.map((defect) => [JSON.stringify([defect.caughtBy, defect.environment]), defect]))
for (const defect of tests.values()) {
  t.test(`without a defect ${defect.caughtBy} passes in a copy`, { skip: skip(defect) }, async (t) => {
    const { code, output } = await runOnCopy(t, defect)
    t.equal(code, 0, 'it ran to its end without a failure')
    if (code !== 0) t.comment(output.slice(-2000))
    t.notMatch(output, /# SKIP/, 'and was not skipped')
  })
}

for (const defect of chosen) {
  t.test(`${defect.caughtBy} finds it when ${defect.name}`, { skip: skip(defect) }, async (t) => {
    const { code, output } = await runOnCopy(t, defect, defect)
    t.equal(code, 1, 'the test failed by itself')
    const complaint = /not ok \d+ - (.*)/.exec(output)?.[1]
    if (complaint === undefined) t.fail('it said what is wrong', { output: output.slice(-2000) })
    else t.comment(complaint.slice(0, 120))
  })
}

t.test('a defect whose place is gone is not taken for one that was found', (t) => {
  const row = { name: 'it breaks', file: 'a.ts', before: 'one', after: 'two' }
  t.equal(plant('one, more', row), 'two, more')
  t.throws(() => plant('none', { ...row, before: 'gone' }), /can no longer be planted: its text stands in a.ts 0 times/)
  t.throws(() => plant('one one', row), /2 times/)
  t.end()
})
