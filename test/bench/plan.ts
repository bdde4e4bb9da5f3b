/** Interleaving is what makes ratios comparable, so its order is a promise and not a detail. */
import fc from 'fast-check'
import t from 'tap'
import { patterns } from '../../bench/patterns.js'
import { planJobs, planRounds, rotate, secondsPerRun } from '../../bench/plan.js'

const main = patterns.filter((pattern) => pattern.main)

t.test('every system runs every job exactly once in every round', (t) => {
  const jobs = planJobs(main, [1, 1024])
  const systems = ['plain', 'uring', 'classic']
  const steps = planRounds(5, jobs, systems)
  t.equal(steps.length, 5 * jobs.length * systems.length)
  const seen = new Set(
    steps.map(({ round, job, system }) => `${String(round)} ${job.pattern.name} ${String(job.depth)} ${system}`),
  )
  t.equal(seen.size, steps.length)
  t.end()
})

t.test('the systems of one job run directly behind each other', (t) => {
  const steps = planRounds(3, planJobs(main, [32]), ['a', 'b', 'c'])
  for (let start = 0; start < steps.length; start += 3) {
    const group = steps.slice(start, start + 3)
    t.equal(new Set(group.map(({ job }) => job)).size, 1)
    t.same(group.map(({ system }) => system).sort(), ['a', 'b', 'c'])
  }
  t.end()
})

t.test('over as many rounds as systems, each system goes first in each job once', (t) => {
  const systems = ['a', 'b', 'c', 'd']
  const steps = planRounds(systems.length, planJobs(main, [32]), systems)
  for (const pattern of main) {
    const firsts = Array.from(
      { length: systems.length },
      (_, round) => steps.find((step) => step.round === round + 1 && step.job.pattern === pattern)?.system,
    )
    t.same([...firsts].sort(), systems, pattern.name)
  }
  t.end()
})

t.test('a pattern with a depth of its own runs once, whatever depths are asked for', (t) => {
  const own = patterns.filter((pattern) => pattern.depth !== undefined)
  t.not(own.length, 0)
  t.same(
    planJobs(own, [1, 32, 1024]).map(({ depth }) => depth),
    own.map(({ depth }) => depth),
  )
  t.end()
})

t.test('rotation loses nothing and adds nothing', (t) => {
  t.doesNotThrow(() => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.nat(100), (items, by) => {
        const turned = rotate(items, by)
        return turned.length === items.length && [...turned].sort().join() === [...items].sort().join()
      }),
    )
  })
  t.end()
})

t.test('a timed run is never shorter than fio can time nor longer than it is worth', (t) => {
  t.equal(secondsPerRun(1000, 1, 0.5), 3)
  t.equal(secondsPerRun(-20, 10, 0.5), 0.3, 'even when the time is already over')
  t.equal(secondsPerRun(32, 32, 0.4), 0.6)
  t.equal(secondsPerRun(10, 0, 0.4), 3, 'no runs left')
  t.end()
})
