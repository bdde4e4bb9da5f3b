/** From argv to a command; every mistake is one line with the nearest name, and help is what it was. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { commands } from '../../src/cli/commands/index.js'
import { parse, version } from '../../src/cli/parse.js'

const command = async (argv: string[], environment: NodeJS.ProcessEnv = {}) => {
  const parsed = await parse(argv, environment)
  if (parsed.kind !== 'command') throw new Error(parsed.text)
  return { ...parsed, command: parsed.command.name }
}

t.test('arguments, options and what follows -- are told apart', async (t) => {
  t.match(await command(['run', '--lanes', '2', 'disk.img', '--', 'fio', '--lanes', '7']), {
    command: 'run',
    positionals: { source: ['disk.img'] },
    given: { lanes: '2' },
    rest: ['fio', '--lanes', '7'],
  })
  t.match(await command(['detach', 'a', '/dev/loop3']), { positionals: { target: ['a', '/dev/loop3'] } })
  t.match(await command(['serve', '--layer', 'log', 'x', '--layer=delay:ms=1', '/m']), {
    positionals: { source: ['x'], mountpoint: ['/m'] },
    given: { layer: ['log', 'delay:ms=1'] },
  })
})

t.test('only what was given is given', async (t) => {
  t.strictSame((await command(['attach', 'x'])).given, {})
  t.strictSame((await command(['attach', 'x', '-vv', '--no-direct'])).given, { direct: false, verbose: 2 })
  t.strictSame((await command(['-v', 'list'])).given, { verbose: 1 })
})

t.test('what looks like a number stays text, and the last of two values counts', async (t) => {
  t.strictSame((await command(['detach', '007'])).positionals, { target: ['007'] })
  t.strictSame((await command(['attach', 'x', '--size', '1', '--size', '1e3'])).given, { size: '1e3' })
})

t.test('arguments come before the environment, and the environment before the file', async (t) => {
  const file = join(t.testdir({}), 'c.json')
  writeFileSync(file, '{ "lanes": 1, "transport": "uring", "size": "1G", "sector-size": 4096 }')
  chmodSync(file, 0o600)
  const environment = { RINGVOL_TRANSPORT: 'classic', RINGVOL_LANES: '2' }
  t.strictSame((await command(['serve', 'x', '/m', '--lanes', '3', '--config', file], environment)).given, {
    lanes: '3',
    transport: 'classic',
    size: '1G',
    config: file,
  })
  const byVariable = await command(['attach', 'x'], { RINGVOL_CONFIG: file })
  t.match(byVariable.given, { 'sector-size': '4096' }, 'and each command takes what it knows')
  t.strictSame((await command(['list'], environment)).given, {})
})

t.test('each mistake is ERR_USAGE with what to do', async (t) => {
  const cases: [string, RegExp][] = [
    ['', /^there is no command; see 'ringvol --help'$/],
    ['srve x /m', /^unknown command 'srve'; did you mean 'serve'\? see 'ringvol --help'$/],
    ['-v srve', /did you mean 'serve'/],
    ['serve x /m --tranport uring', /did you mean '--transport'\? see 'ringvol serve --help'$/],
    ['serve x', /^serve: an argument is missing, write 'ringvol serve <source> <mountpoint>'/],
    ['serve x /m extra', /unknown option or argument 'extra'/],
    ['attach x --size', /^--size needs a value/],
    ['list --fix', /^list: unknown option or argument 'fix'/],
    ['list -- x', /^list takes nothing behind --/],
    ['attach x --config /nonexistent', /cannot read the config file \/nonexistent: ENOENT/],
  ]
  for (const [line, message] of cases) {
    const argv = line === '' ? [] : line.split(' ')
    await t.rejects(parse(argv, {}), { code: 'ERR_USAGE', message }, line)
  }
})

t.test('help and version are text', async (t) => {
  t.strictSame(await parse(['--version'], {}), { kind: 'text', text: `${version}\n` })
  const help = async (...argv: string[]): Promise<string> => {
    const parsed = await parse([...argv, '--help'], {}, 110)
    return parsed.kind === 'text' ? parsed.text : ''
  }
  t.matchSnapshot(await help(), 'ringvol --help')
  for (const { name, examples } of commands) {
    const text = await help(name)
    t.matchSnapshot(text, `ringvol ${name} --help`)
    for (const line of text.split('\n').filter((one) => /^ +-/.test(one))) {
      const flags = line.match(/(?<= )--?[a-z][a-z-]*(?=[ ,]|$)/g) ?? []
      t.equal(new Set(flags).size, flags.length, `${name} names each option once: ${flags.join(' ')}`)
    }
    t.ok(examples.length > 0, `${name} has examples`)
    for (const [example] of examples) t.ok(text.includes(example), `${name} shows '${example}'`)
  }
})

t.test('every example in help is a command line that parses', async (t) => {
  for (const { name, examples } of commands) {
    for (const [example] of examples) {
      const [, inner = ''] = /ringvol ([^|)]*)/.exec(example) ?? []
      const argv = [...inner.matchAll(/'[^']*'|\S+/g)].map(([word]) => word)
      t.equal((await command(argv)).command, name, example)
    }
  }
})
