/** --quick promises an end; the clock is what keeps it, by learning how slow this machine is. */
import t from 'tap'
import { createClock } from '../../bench/clock.js'

/** Plays a run on a machine that needs `overhead` seconds around a run and `tending` for each preparation or check. */
const play = (
  runs: number,
  tendings: number,
  overhead: number,
  tending: number,
): { total: number; shortest: number } => {
  let time = 1
  let shortest = Infinity
  const clock = createClock({ runs, tendings, seconds: null }, () => time)
  const tend = (count: number): void => {
    for (let index = 0; index < count; index++) {
      time += tending
      clock.tended(tending)
    }
  }
  tend(tendings / 2)
  for (let index = 0; index < runs; index++) {
    const seconds = clock.runSeconds()
    shortest = Math.min(shortest, seconds)
    time += seconds + overhead
    clock.ran(seconds + overhead)
  }
  tend(tendings / 2)
  return { total: time, shortest }
}

t.test('a quick run of the default size ends well within 60 seconds on a fast and on a slow machine', (t) => {
  t.ok(play(32, 16, 0.3, 0.6).total < 50)
  t.ok(play(32, 16, 0.5, 1.4).total < 55)
  t.end()
})

t.test('a fast machine uses the time it has instead of ending early with short runs', (t) => {
  const { total, shortest } = play(32, 16, 0.2, 0.4)
  t.ok(total > 35, `ended after ${String(total)} s`)
  t.ok(shortest >= 0.5, `shortest run ${String(shortest)} s`)
  t.end()
})

t.test('a machine too slow for the promise still times every run long enough to mean something', (t) => {
  t.equal(play(64, 32, 1, 3).shortest, 0.3)
  t.end()
})

t.test('asked-for seconds are kept whatever the machine does', (t) => {
  const clock = createClock({ runs: 3, tendings: 2, seconds: 7 }, () => 10_000)
  t.equal(clock.runSeconds(), 7)
  clock.ran(20)
  t.equal(clock.runSeconds(), 7)
  t.end()
})

t.test('the time left shrinks to nothing as the work is done', (t) => {
  const clock = createClock({ runs: 2, tendings: 1, seconds: 1 }, () => 0)
  const first = clock.secondsLeft()
  clock.tended(1)
  const second = clock.secondsLeft()
  t.ok(first > second && second > 0)
  clock.ran(1.2)
  clock.ran(1.2)
  t.equal(clock.secondsLeft(), 0)
  t.end()
})
