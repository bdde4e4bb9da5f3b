/** Children end: by themselves, at their deadline, or because the user stops the run. */
import t from 'tap'
import { attempt, must, until } from '../../bench/command.js'

t.test('status and output are an outcome, not an error', async (t) => {
  t.match(await attempt(['sh', '-c', 'echo out; echo err >&2; exit 3']), {
    status: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  })
})

t.test('a failure says what failed and what it said last', async (t) => {
  await t.rejects(must(['sh', '-c', 'echo first >&2; echo the reason >&2; exit 1']), {
    code: 'ERR_SYSTEM',
    message: /status 1: the reason$/,
  })
})

t.test('a program that is not there is named with advice', async (t) => {
  await t.rejects(attempt(['ringvol-no-such-program']), {
    code: 'ERR_MISSING_TOOL',
    message: /ringvol-no-such-program.*setup\.sh bench/,
  })
})

t.test('a child that goes on past its deadline is ended, with the children it has', async (t) => {
  const started = Date.now()
  await t.rejects(attempt(['sh', '-c', 'sleep 60 & wait'], { deadline: 0.3 }), {
    code: 'ERR_SYSTEM',
    message: /did not end within 0.3 s/,
  })
  t.ok(Date.now() - started < 5000)
})

t.test('a stop by the user ends the child and is the error that arrives', async (t) => {
  const controller = new AbortController()
  const running = attempt(['sleep', '60'], { signal: controller.signal })
  controller.abort(new Error('stopped by SIGINT'))
  await t.rejects(running, /stopped by SIGINT/)
})

t.test('a child that was stopped before it began does not run', async (t) => {
  await t.rejects(attempt(['sleep', '60'], { signal: AbortSignal.abort(new Error('stopped')) }), /stopped/)
})

t.test('a daemon that keeps the pipes open does not keep the caller waiting', async (t) => {
  const started = Date.now()
  const { stdout } = await attempt(['sh', '-c', 'echo ready; sleep 3 &'])
  t.equal(stdout, 'ready\n')
  t.ok(Date.now() - started < 2500)
})

t.test('a wait ends with what it waited for, or at its deadline with what it was', async (t) => {
  let looks = 0
  t.equal(await until('it', 5, () => (++looks === 3 ? 'there' : undefined)), 'there')
  await t.rejects(
    until('the impossible', 0.1, () => undefined),
    /the impossible did not happen within 0.1 s/,
  )
})
