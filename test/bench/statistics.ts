/** The figures that reports state must be the ones that were measured, whatever the number and order of rounds. */
import fc from 'fast-check'
import t from 'tap'
import { chanceOf, median, pairedRatios, spread } from '../../bench/statistics.js'

const values = fc.array(fc.double({ min: 1, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 30 })

t.test('a median of an odd number of rounds is the middle one, of an even number the mean of the middle two', (t) => {
  t.equal(median([9, 1, 5]), 5)
  t.equal(median([1, 9, 5, 7]), 6)
  t.ok(Number.isNaN(median([])), 'no rounds, no figure')
  t.end()
})

t.test('a median has as many values above as below and does not depend on their order', (t) => {
  t.doesNotThrow(() => {
    fc.assert(
      fc.property(values, (given) => {
        const middle = median(given)
        const above = given.filter((value) => value > middle).length
        const below = given.filter((value) => value < middle).length
        return above <= given.length / 2 && below <= given.length / 2 && middle === median([...given].reverse())
      }),
    )
  })
  t.end()
})

t.test('a spread encloses its median', (t) => {
  t.doesNotThrow(() => {
    fc.assert(
      fc.property(values, (given) => {
        const { min, median: middle, max } = spread(given)
        return min <= middle && middle <= max
      }),
    )
  })
  t.end()
})

t.test('a disturbance that slows both systems of a round leaves the ratio alone', (t) => {
  const own = new Map([
    [1, 50],
    [2, 5],
    [3, 50],
  ])
  const baseline = new Map([
    [1, 100],
    [2, 10],
    [3, 100],
  ])
  t.same(pairedRatios(own, baseline), [0.5, 0.5, 0.5])
  t.end()
})

t.test('a round without a baseline figure is left out of the ratio', (t) => {
  t.same(
    pairedRatios(
      new Map([
        [1, 50],
        [2, 80],
      ]),
      new Map([
        [2, 100],
        [3, 1],
      ]),
    ),
    [0.8],
  )
  t.same(pairedRatios(new Map([[1, 50]]), new Map()), [])
  t.end()
})

t.test('the chance of two samples is the one that counting all their orders gives', (t) => {
  // 2 of C(10,5) orders are as extreme as one sample wholly above the other; 2 of C(6,3) with three rounds.
  t.equal(chanceOf([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 2 / 252)
  t.equal(chanceOf([6, 7, 8, 9, 10], [1, 2, 3, 4, 5]), 2 / 252)
  t.equal(chanceOf([1, 2, 3], [4, 5, 6]), 0.1)
  // One round of five disturbed: U = 5, and 1 + 1 + 2 + 3 + 5 + 7 orders have at most that.
  t.equal(chanceOf([1, 2, 3, 4, 11], [6, 7, 8, 9, 10]), (2 * 19) / 252)
  t.equal(chanceOf([1, 2], [1, 2]), 1, 'the same twice')
  t.equal(chanceOf([], [1]), 1)
  t.end()
})

t.test('a chance is a chance, the same in both directions', (t) => {
  const sample = fc.array(fc.double({ min: 0, max: 2, noNaN: true }), { minLength: 1, maxLength: 12 })
  t.doesNotThrow(() => {
    fc.assert(
      fc.property(sample, sample, (before, after) => {
        const chance = chanceOf(before, after)
        return chance > 0 && chance <= 1 && Math.abs(chance - chanceOf(after, before)) < 1e-9
      }),
    )
  })
  t.end()
})
