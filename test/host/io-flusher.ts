/** The flag is set and the process replaced once; without the permission there is one warning and it goes on. */
import { constants } from 'node:os'
import { pino } from 'pino'
import t from 'tap'
import { becomeIoFlusher, ioFlusherMarker, setIoFlusherForChild } from '../../src/host/io-flusher.js'

const record = (errno: number) => {
  const lines: string[] = []
  const executed: { path: string; argv: readonly string[]; environment: readonly string[] }[] = []
  return {
    lines,
    executed,
    logger: pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }),
    calls: {
      setIoFlusher: () => errno,
      exec: ((path: string, argv: readonly string[], environment: readonly string[]) => {
        executed.push({ path, argv, environment })
      }) as unknown as (path: string, argv: readonly string[], environment: readonly string[]) => never,
    },
  }
}

t.test('with permission the process is replaced by itself, marked', (t) => {
  const { logger, calls, executed, lines } = record(0)
  becomeIoFlusher(logger, calls, { HOME: '/h', EMPTY: undefined })
  t.equal(executed.length, 1)
  const [image] = executed
  t.equal(image?.path, process.execPath)
  t.strictSame(image?.argv.slice(1 + process.execArgv.length), process.argv.slice(1))
  t.strictSame(image?.environment, ['HOME=/h', `${ioFlusherMarker}=set`])
  t.strictSame(lines, [])
  t.end()
})

t.test('a process that is marked does nothing, so there is no loop', (t) => {
  const { logger, calls, executed } = record(0)
  becomeIoFlusher(logger, calls, { [ioFlusherMarker]: 'set' })
  becomeIoFlusher(logger, calls, { [ioFlusherMarker]: 'EPERM' })
  t.strictSame(executed, [])
  t.end()
})

t.test('without permission there is exactly one warning, with advice, and no exec', (t) => {
  const { logger, calls, executed, lines } = record(constants.errno.EPERM)
  becomeIoFlusher(logger, calls, {})
  t.strictSame(executed, [])
  t.equal(lines.length, 1)
  t.match(lines[0], /"level":40.*EPERM.*CAP_SYS_RESOURCE/)
  t.end()
})

t.test('a child is told that the matter is settled, either way', (t) => {
  const permitted = record(0)
  t.strictSame(setIoFlusherForChild(permitted.logger, permitted.calls), { [ioFlusherMarker]: 'set' })
  const refused = record(constants.errno.EPERM)
  t.strictSame(setIoFlusherForChild(refused.logger, refused.calls), { [ioFlusherMarker]: 'EPERM' })
  t.equal(refused.lines.length, 1)
  t.end()
})
