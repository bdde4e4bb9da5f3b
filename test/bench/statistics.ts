/** The figures that reports state must be the ones that were measured, whatever the number and order of rounds. */
import fc from 'fast-check'
import t from 'tap'
import { median, pairedRatio, spread } from '../../bench/statistics.js'

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
  t.equal(pairedRatio(own, baseline), 0.5)
  t.end()
})

t.test('a round without a baseline figure is left out of the ratio', (t) => {
  t.equal(
    pairedRatio(
      new Map([
        [1, 50],
        [2, 80],
      ]),
      new Map([
        [2, 100],
        [3, 1],
      ]),
    ),
    0.8,
  )
  t.ok(Number.isNaN(pairedRatio(new Map([[1, 50]]), new Map())))
  t.end()
})
