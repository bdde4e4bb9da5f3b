/** Ages as people read them; sizes are tested where they are options. */
import t from 'tap'
import { formatAge } from '../src/units.js'

t.test('an age is told in the unit that says most', (t) => {
  t.equal(formatAge(0.4), '0 ms')
  t.equal(formatAge(999), '999 ms')
  t.equal(formatAge(1000), '1 s')
  t.equal(formatAge(119_999), '119 s')
  t.equal(formatAge(120_000), '2 min')
  t.end()
})
