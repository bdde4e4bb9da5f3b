/**
 * Thousands of simulated lives of a volume: no answer is lost or given twice, no byte is read that nobody could have
 * left there, and no crash takes what was promised. And the simulator itself: it repeats what it finds, and it finds
 * disks that lie.
 *
 * A failure names its seed: SEED=… RINGVOL_TEST_SEEDS=1 repeats it, with the end of its trace.
 */
import t from 'tap'
import { seeded } from '../support/seed.js'
import type { Lie } from './disk.js'
import { type End, type Outcome, simulate } from './simulation.js'

/** RINGVOL_TEST_SEEDS=100000 for a long look. */
const many = Number(process.env['RINGVOL_TEST_SEEDS'] ?? 2000)

const messageOf = async (seed: number, lie: Lie): Promise<string | undefined> => {
  try {
    await simulate(seed, lie)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

t.test(`${String(many)} seeds: every request has one answer, and every byte is one that it may be`, async (t) => {
  const { seed } = seeded(t)
  const outcomes: Outcome[] = []
  for (let index = 0; index < many; index++) outcomes.push(await simulate(seed + index))
  const sum = (of: (outcome: Outcome) => number): number => outcomes.reduce((before, each) => before + of(each), 0)
  t.comment(
    `${String(sum(({ requests }) => requests))} requests, ${String(sum(({ faults }) => faults))} injected errors`,
  )
  if (many < 500) return
  t.ok(sum(({ faults }) => faults) > many, 'errors were injected')
  for (const end of ['unmount', 'abort', 'kill', 'power cut'] satisfies End[]) {
    t.ok(sum(({ ends }) => ends.filter((each) => each === end).length) > many / 10, `lives ended by ${end}`)
  }
})

t.test('a seed replays to the last step, and another seed is another story', async (t) => {
  const hashes = new Set<string>()
  for (let seed = 1; seed <= 50; seed++) {
    const first = await simulate(seed)
    t.strictSame(await simulate(seed), first, `seed ${String(seed)}`)
    hashes.add(first.hash)
  }
  t.equal(hashes.size, 50)
})

for (const [lie, complaint] of [
  ['sync does nothing', /after \d+ \((FSYNC|FLUSH)\): byte|after (unmount|abort|a power cut)/],
  ['writes land late', /allowed: /],
  ['reads are of the sector behind', /allowed: |nobody wrote/],
] as const) {
  t.test(`a disk that lies is found, and found again by its seed: ${lie}`, async (t) => {
    let seed = 0
    let found: string | undefined
    while (found === undefined && ++seed <= 300) found = await messageOf(seed, lie)
    t.match(found, complaint)
    t.match(found, new RegExp(`^seed ${String(seed)}: `))
    t.equal(await messageOf(seed, lie), found)
  })
}
