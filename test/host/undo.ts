/** Steps are taken back in reverse, all of them, even if one of them cannot be. */
import { pino } from 'pino'
import t from 'tap'
import { until } from '../../src/host/poll.js'
import { UndoStack } from '../../src/host/undo.js'

t.test('the last step is undone first, and a failure does not stop the rest', async (t) => {
  const done: string[] = []
  const warnings: string[] = []
  const undo = new UndoStack()
  undo.add('removing the folder', () => void done.push('folder'))
  undo.add('unmounting', () => Promise.reject(new Error('EBUSY')))
  undo.add('detaching', () => void done.push('device'))
  const logger = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) })
  await undo.run(logger)
  await undo.run(logger)
  t.strictSame(done, ['device', 'folder'], 'once')
  t.match(warnings, [/while cleaning up, unmounting: EBUSY/])
})

t.test('a wait looks at least once, ends at its deadline, and when it is aborted', async (t) => {
  t.ok(await until(() => true, { deadline: 0 }))
  t.notOk(await until(() => false, { deadline: 30, interval: 5 }))
  let looks = 0
  t.ok(await until(() => ++looks === 3, { deadline: 5000, interval: 1 }))
  const signal = AbortSignal.abort(new Error('enough'))
  await t.rejects(
    until(() => false, { deadline: 5000, signal }),
    { message: 'enough' },
  )
})
