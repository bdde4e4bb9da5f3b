/** A benchmark that quietly measures something else than was asked for is worse than one that refuses. */
import t from 'tap'
import { parseArguments, type RunCommand, type Settings } from '../../bench/options.js'

const run = (...argv: string[]): RunCommand => {
  const command = parseArguments(argv)
  if (command?.command !== 'run') throw new Error('no run command')
  return command
}
const settings = (...argv: string[]): Settings => run(...argv).settings

t.test('without options the main job is measured: four 4k patterns, depth 1024, five rounds, all transports', (t) => {
  t.match(settings(), {
    quick: false,
    rounds: 5,
    seconds: 3,
    soak: null,
    depths: [1024],
    patterns: ['seq-read', 'rand-read', 'seq-write', 'rand-write'],
    targets: ['raw', 'file'],
    transports: ['passthrough', 'uring', 'classic', 'syscall'],
    backends: ['file'],
    lanes: ['auto'],
    attach: [],
    peers: [],
    size: null,
    image: null,
  })
  t.end()
})

t.test('--quick means one round of a length that fits, unless more is asked for', (t) => {
  t.match(settings('--quick'), { rounds: 1, seconds: null })
  t.match(settings('--quick', '--rounds', '2', '--seconds', '0.5'), { rounds: 2, seconds: 0.5 })
  t.end()
})

t.test('lists keep the order that reports use, drop repeats, and know all', (t) => {
  t.same(settings('--transport', 'syscall,uring,syscall').transports, ['uring', 'syscall'])
  t.same(settings('--iodepth', '1024, 1,32,1').depths, [1024, 1, 32])
  t.same(settings('--peer', 'all').peers, ['qemu', 'nbdkit'])
  t.same(settings('--lanes', 'auto,02').lanes, ['auto', '2'])
  t.same(settings('--backend=null,file').backends, ['file', 'null'])
  t.same(settings('--iodepth', 'all').depths, [1, 8, 32, 256, 1024, 2048])
  t.same(settings('--attach', ' --queue-depth  64 ').attach, ['--queue-depth', '64'])
  t.end()
})

const refused: readonly (readonly [string, RegExp, ...string[]])[] = [
  [
    'an unknown transport is refused with the known ones',
    /unknown name 'urnig'; known are passthrough, uring/,
    '--transport',
    'urnig',
  ],
  ['an empty list is refused', /--backend: no name given/, '--backend', ','],
  ['a depth of nought is refused', /--iodepth: '0' is not a list of whole numbers/, '--iodepth', '0'],
  ['a depth that is no number is refused', /--iodepth/, '--iodepth', '1,many'],
  ['no rounds are refused', /--rounds/, '--rounds', '0'],
  ['a run too short to time is refused', /--seconds: '0.1'/, '--seconds', '0.1'],
  ['a volume too small for a file system is refused', /--size 1M/, '--size', '1M'],
  ['a size with a bad suffix is refused', /'1Q' is not a size/, '--size', '1Q'],
  [
    'an image is not overwritten without a word that it may be',
    /--image \/srv\/disk would be overwritten.*--yes-overwrite/,
    '--image',
    '/srv/disk',
  ],
  [
    'an image of the caller is not taken for the ext4 that the benchmark makes',
    /--image and --backend ext4 exclude each other/,
    ...['--image', '/srv/disk', '--yes-overwrite', '--backend', 'ext4'],
  ],
  ['an unknown option is refused', /Unknown argument: turbo/, '--turbo'],
  ['an unknown command is refused', /Unknown (command|argument): frobnicate/, 'frobnicate'],
  ['compare needs two files', /Not enough/, 'compare', 'a.json'],
]
for (const [name, message, ...argv] of refused) {
  t.test(name, (t) => {
    t.throws(() => parseArguments(argv), { name: 'RingvolError', exitCode: 2, message })
    t.end()
  })
}

t.test('a soak takes minutes, also less than one', (t) => {
  t.equal(settings('--soak', '10').soak, 10)
  t.equal(settings('--soak', '0.5').soak, 0.5)
  t.throws(() => settings('--soak', 'forever'), /--soak: 'forever' is not a number/)
  t.end()
})

t.test('an image is taken with the word that it may be overwritten', (t) => {
  t.equal(settings('--image', '/srv/disk', '--yes-overwrite').image, '/srv/disk')
  t.end()
})

t.test('compare and report are commands of their own', (t) => {
  t.same(parseArguments(['compare', 'a.json', 'b.json']), { command: 'compare', before: 'a.json', after: 'b.json' })
  t.same(parseArguments(['flame', 'a.txt', 'a.svg']), { command: 'flame', stacks: 'a.txt', svg: 'a.svg' })
  t.same(parseArguments(['report', 'a.json', '--html', 'a.html']), {
    command: 'report',
    results: 'a.json',
    html: 'a.html',
  })
  t.end()
})
