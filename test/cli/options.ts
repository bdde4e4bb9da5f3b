/** One table: what a user writes, wherever, becomes the same setting or the same one-line mistake. */
import t from 'tap'
import { optionNames, options, parseSettings, renderArguments, serveOptions } from '../../src/cli/options.js'

t.test('without options the defaults of the table hold', (t) => {
  const settings = parseSettings({})
  t.match(settings, {
    transport: 'auto',
    lanes: 'auto',
    'queue-depth': 'auto',
    'max-io': 1 << 20,
    'read-only': false,
    verbose: 0,
    layer: [],
  })
  for (const name of ['name', 'size', 'mode', 'uid', 'gid', 'sector-size', 'log-format'] as const) {
    t.equal(settings[name], undefined, name)
  }
  t.end()
})

t.test('values are read in the units people write', (t) => {
  const given = { size: '10G', 'max-io': '64K', mode: '0640', lanes: '2', 'sector-size': '4096', uid: '0' }
  t.match(parseSettings(given), {
    size: 10 * 1024 ** 3,
    'max-io': 65_536,
    mode: 0o640,
    lanes: 2,
    'sector-size': 4096,
    uid: 0,
  })
  t.end()
})

t.test('each wrong value is refused with exit status 2, naming the option', (t) => {
  const wrong: Partial<Record<(typeof optionNames)[number], string[]>> = {
    size: ['10Q', '0', '100', '', '-1', '1.3'],
    transport: ['urnig', '', 'URING'],
    lanes: ['0', '1025', '1.5', 'all', '-1'],
    'queue-depth': ['0', '4097', '1e3'],
    'max-io': ['0', '1000', '17M', '4097'],
    'sector-size': ['1024', '0'],
    mode: ['0999', '10000', 'rw'],
    uid: ['-1', 'root', '4294967295'],
    gid: ['x'],
    'log-format': ['xml'],
  }
  for (const [name, texts] of Object.entries(wrong)) {
    for (const text of texts) {
      t.throws(
        () => parseSettings({ [name]: text }),
        { name: 'RingvolError', exitCode: 2, message: new RegExp(`^--${name} `) },
        `--${name} '${text}'`,
      )
    }
  }
  t.end()
})

t.test('a transport that is nearly right is recognised', (t) => {
  t.throws(() => parseSettings({ transport: 'urnig' }), { message: /did you mean 'uring'\?/ })
  t.end()
})

t.test('rendered arguments give the same settings again, also no to what a variable says yes to', (t) => {
  const given = { size: '1G', 'read-only': false, direct: true, layer: ['delay:ms=1', 'log'], transport: 'classic' }
  t.strictSame(renderArguments(given, serveOptions), [
    '--size=1G',
    '--no-read-only',
    '--transport=classic',
    '--direct',
    '--layer=delay:ms=1',
    '--layer=log',
  ])
  t.end()
})

t.test('every option says what it is for, and short names are unique', (t) => {
  const aliases = optionNames.flatMap((name) => ('alias' in options[name] ? [options[name].alias] : []))
  t.equal(new Set(aliases).size, aliases.length)
  for (const name of optionNames) t.match(options[name].describe, /^\S.{8}/, name)
  t.end()
})
