/** Our limit on a request comes before the kernel's, which ends the volume without saying why. */
import t from 'tap'
import { boundedTimeout } from '../src/volume-limits.js'

t.test('a limit stays as it is unless the kernel would come first', (t) => {
  t.equal(boundedTimeout(30, 0), 30, 'the kernel has none')
  t.equal(boundedTimeout(30, 60), 30)
  t.equal(boundedTimeout(60, 60), 54)
  t.equal(boundedTimeout(600, 60), 54)
  t.equal(boundedTimeout(5, 1), 1, 'never 0, which would be off')
  t.equal(boundedTimeout('off', 60), 'off')
  t.end()
})
