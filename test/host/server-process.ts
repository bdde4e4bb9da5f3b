/** A server's process is replaced once; what is not permitted is one warning each, and it goes on. */
import { constants } from 'node:os'
import { pino } from 'pino'
import t from 'tap'
import { becomeServer, keptCapabilities, prepareServerChild, serverMarker } from '../../src/host/server-process.js'

interface Permitted {
  readonly flusher?: boolean
  readonly dropping?: boolean
}

const record = ({ flusher = true, dropping = true }: Permitted = {}) => {
  const lines: string[] = []
  const executed: { path: string; argv: readonly string[]; environment: readonly string[] }[] = []
  const given: string[] = []
  return {
    lines,
    executed,
    given,
    logger: pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }),
    calls: {
      setIoFlusher: () => (flusher ? 0 : constants.errno.EPERM),
      setNoNewPrivileges: () => void given.push('no_new_privs'),
      limitCapabilities: (keep: readonly number[]) => {
        if (!dropping) throw Object.assign(new Error('prctl'), { errno: constants.errno.EPERM })
        given.push(`all but ${keep.join(' ')}`)
        return 34
      },
      exec: ((path: string, argv: readonly string[], environment: readonly string[]) => {
        executed.push({ path, argv, environment })
      }) as unknown as (path: string, argv: readonly string[], environment: readonly string[]) => never,
    },
  }
}

t.test('the process gives privileges up and is replaced by itself, marked', (t) => {
  const { logger, calls, executed, lines, given } = record()
  becomeServer(logger, calls, { HOME: '/h', EMPTY: undefined })
  t.equal(executed.length, 1)
  const [image] = executed
  t.equal(image?.path, process.execPath)
  t.strictSame(image?.argv.slice(1 + process.execArgv.length), process.argv.slice(1))
  t.strictSame(image?.environment, ['HOME=/h', `${serverMarker}=1`])
  t.strictSame(given, ['no_new_privs', `all but ${Object.values(keptCapabilities).join(' ')}`])
  t.strictSame(lines, [])
  t.end()
})

t.test('a process that is marked does nothing, so there is no loop', (t) => {
  const { logger, calls, executed, given } = record()
  becomeServer(logger, calls, { [serverMarker]: '1' })
  t.strictSame(executed, [])
  t.strictSame(given, [])
  t.end()
})

t.test('without a permission there is exactly one warning, with advice, and the rest is done', (t) => {
  const flusher = record({ flusher: false })
  becomeServer(flusher.logger, flusher.calls, {})
  t.equal(flusher.lines.length, 1)
  t.match(flusher.lines[0], /"level":40.*I\/O flusher: EPERM.*CAP_SYS_RESOURCE/)
  t.equal(flusher.executed.length, 1)
  t.equal(flusher.given.length, 2)
  const dropping = record({ dropping: false })
  becomeServer(dropping.logger, dropping.calls, {})
  t.equal(dropping.executed.length, 1)
  t.strictSame(dropping.given, ['no_new_privs'])
  if (process.geteuid?.() === 0) t.match(dropping.lines, [/"level":40.*drop capabilities: EPERM.*CAP_SETPCAP/])
  else t.strictSame(dropping.lines, [], 'who is not root has nothing to drop')
  t.end()
})

t.test('a child is told that the matter is settled, either way', (t) => {
  for (const permitted of [{}, { flusher: false, dropping: false }]) {
    const { logger, calls } = record(permitted)
    t.strictSame(prepareServerChild(logger, calls), { [serverMarker]: '1' })
  }
  t.end()
})
