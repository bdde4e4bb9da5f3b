/** A deadline gives what comes in time, its own answer for what does not, and leaves no timer and no rejection behind. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { orLate } from '../src/deadline.js'

const minute = 60_000

t.test('what settles in time is the answer, and no timer stays', async (t) => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  t.equal(await orLate(Promise.resolve('in time'), minute, 'late'), 'in time')
  t.equal(await orLate('no promise at all', minute, 'late'), 'no promise at all')
  await t.rejects(orLate(Promise.reject(new Error('no')), minute, 'late'), { message: 'no' })
  t.equal(timers(), before)
})

t.test('what does not is late, and may fail then without anybody hearing of it', async (t) => {
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  const slow = sleep(50).then(() => {
    throw new Error('too late')
  })
  t.equal(await orLate(slow, 5, 'late'), 'late')
  await sleep(100)
  process.off('unhandledRejection', note)
  t.strictSame(unhandled, [])
})
