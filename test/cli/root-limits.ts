/**
 * Limits and missing privileges: it works without, or it is one line, the right exit status and nothing left behind.
 */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { attempt, type Result } from '../support/process.js'
import { list, ringvolOk, sparseImage } from '../support/ringvol.js'
import { runDirectory } from '../support/scratch.js'
import { suite } from '../support/suite.js'
import { leftovers } from '../support/sweep.js'

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

const attachUnder = (wrapper: readonly string[], ...options: string[]): Promise<Result> => {
  const [program = '', ...args] = [...wrapper, process.execPath, main, 'attach', sparseImage(4 << 20), ...options]
  return attempt(program, args)
}

const warnings = (stderr: string): string[] =>
  stderr.split('\n').filter((text) => text.includes('"level":40') && !text.includes('I/O flusher'))

await suite(t, { needs: ['command:setpriv', 'command:prlimit'] }, () => {
  const enough: readonly [string, readonly string[]][] = [
    ['64 descriptors', ['prlimit', '--nofile=64']],
    [
      'no locked memory, and no privilege to lock more',
      ['setpriv', '--bounding-set=-ipc_lock', 'prlimit', '--memlock=0'],
    ],
  ]
  for (const [what, wrapper] of enough) {
    t.test(`${what} is enough`, async (t) => {
      const result = await attachUnder(wrapper)
      t.match(result, { code: 0, stdout: /^\/dev\/loop\d+\n$/ }, result.stderr)
      t.strictSame(warnings(result.stderr), [])
      t.equal((await attempt('dd', [`if=${result.stdout.trim()}`, 'of=/dev/null', 'bs=1M', 'iflag=direct'])).code, 0)
      await ringvolOk(['detach', '--all'])
    })
  }

  t.test('a daemon that may not drop capabilities says so once, and serves', async (t) => {
    const result = await attachUnder(['setpriv', '--bounding-set=-setpcap'])
    t.match(result, { code: 0 }, result.stderr)
    t.match(warnings(result.stderr), [/cannot drop capabilities: EPERM.*CAP_SETPCAP/])
    t.match(await list(), [{ image: 'unchanged' }])
    await ringvolOk(['detach', '--all'])
  })

  const tooLittle: readonly [string, readonly string[], readonly string[], number, RegExp][] = [
    ['without CAP_SYS_ADMIN', ['setpriv', '--bounding-set=-sys_admin'], [], 3, /needs root \(CAP_SYS_ADMIN\)/],
    ['without any capability', ['setpriv', '--bounding-set=-all'], [], 3, /needs root \(CAP_SYS_ADMIN\)/],
    ['more slots than address space', ['prlimit', '--as=4000000000'], ['--queue-depth', '2000'], 1, /ENOMEM|memory/],
  ]
  for (const [what, wrapper, options, code, says] of tooLittle) {
    t.test(`${what} it is one line`, async (t) => {
      const result = await attachUnder(wrapper, '-q', ...options)
      t.match(result, { code, stdout: '', stderr: /^ringvol: [^\n]+\n$/ })
      t.match(result.stderr, says)
      t.strictSame(readdirSync(runDirectory), [])
      t.strictSame(leftovers(), [])
    })
  }
})
