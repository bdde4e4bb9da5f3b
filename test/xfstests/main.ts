/**
 * Runs a tree of fstests (xfstests) that somebody has built, over two volumes and over two plain loop devices, and
 * compares: nothing may fail over ringvol that passes without it, and the same tests must run.
 *
 *   XFSTESTS_DIR=/path/to/xfstests npm run test:xfstests -- [--fs xfs] [--transport uring] [-- CHECK-ARGUMENTS]
 *
 * Exit status 0: nothing is worse; 1: something is, one line each; 2: wrong usage; 3: no tree, or not built.
 */
import { accessSync, constants, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import yargs from 'yargs'
import { fileSystems, plainLoop } from '../support/devices.js'
import { start } from '../support/process.js'
import { requires } from '../support/requires.js'
import { attach, sparseImage } from '../support/ringvol.js'
import { freshDirectory, freshPath } from '../support/scratch.js'
import { sweep } from '../support/sweep.js'
import { transportNames } from '../../src/transport/transport.js'
import { parseSize } from '../../src/units.js'
import { compareVerdicts, configFor, countVerdicts, readVerdicts, type Verdicts } from './results.js'

/** The file system's own fsx, which needs no other device and no user of its own. */
const few = ['generic/075', 'generic/091', 'generic/112', 'generic/127', 'generic/263']
/** A whole group takes hours. */
const deadline = 12 * 3_600_000

const give = (status: number, message: string): never => {
  process.stderr.write(`xfstests: ${message}\n`)
  process.exit(status)
}

const parse = (words: readonly string[]) =>
  yargs(words)
    .scriptName('npm run test:xfstests --')
    .usage(`$0 [options] [-- arguments of check]\n\nwithout arguments for check: ${few.join(' ')}`)
    .option('fs', { choices: ['ext4', 'xfs', 'btrfs'] as const, default: 'ext4' as const, describe: 'file system' })
    .option('transport', { choices: ['auto', ...transportNames] as const, default: 'auto' as const })
    .option('size', { type: 'string', default: '6G', describe: 'of each of the two disks; images are sparse' })
    .parserConfiguration({ 'populate--': true })
    .strict()
    .version(false)
    .fail((message: string) => give(2, message))
    .parseSync()

const builtTree = (): string => {
  const tree = process.env['XFSTESTS_DIR']
  if (tree === undefined || tree === '')
    return give(3, 'XFSTESTS_DIR is not set; give it the directory of a built xfstests tree')
  try {
    for (const file of ['check', 'ltp/fsx', 'src/lstat64']) accessSync(join(tree, file), constants.X_OK)
  } catch {
    return give(3, `${tree} is no built xfstests tree; run make in it`)
  }
  return tree
}

const checkOver = async (
  tree: string,
  fileSystem: string,
  devices: readonly [string, string],
  tests: readonly string[],
): Promise<Verdicts> => {
  const results = freshDirectory('results')
  const config = freshPath('config')
  const [testDevice, scratchDevice] = devices
  const [testDirectory, scratchDirectory] = [freshDirectory('test'), freshDirectory('scratch')]
  writeFileSync(config, configFor({ fileSystem, testDevice, testDirectory, scratchDevice, scratchDirectory, results }))
  // check makes the file system on the scratch device itself, and expects one on the other.
  await fileSystems.find(({ name }) => name === fileSystem)?.make(testDevice)
  const script = 'cd "$1" && shift && exec ./check "$@"'
  const check = start('sh', ['-c', script, 'sh', tree, '-R', 'xunit-quiet', ...tests], {
    environment: { HOST_OPTIONS: config },
  })
  check.child.stdin?.end()
  check.child.stdout?.pipe(process.stdout, { end: false })
  // Its status is 1 when a test failed, which the report says more exactly.
  const { stderr } = await check.ended(deadline)
  try {
    return readVerdicts(readFileSync(join(results, 'result.xml'), 'utf8'))
  } catch (error) {
    const said = stderr.trim().split('\n').at(-1) ?? ''
    throw new Error(`check left no report that can be read: ${said}`, { cause: error })
  }
}

const main = async (words: readonly string[]): Promise<number> => {
  const { fs, transport, size, '--': given = [] } = parse(words)
  const tests = (given as readonly unknown[]).map(String)
  const tree = builtTree()
  const lacking = requires('root', 'fuse', 'loop', `command:mkfs.${fs}`)
  if (lacking !== false) return give(3, lacking)
  const list = tests.length === 0 ? few : tests
  const images = [sparseImage(parseSize(size)), sparseImage(parseSize(size))] as const

  const first = await attach(
    images[0],
    ['--transport', transport].filter(() => transport !== 'auto'),
  )
  const second = await attach(
    images[1],
    ['--transport', transport].filter(() => transport !== 'auto'),
  )
  process.stdout.write(`\nover ringvol, transport ${first.status.transport}\n`)
  const volume = await checkOver(tree, fs, [first.device, second.device], list)
  await second.detach()
  await first.detach()
  for (const image of images) rmSync(image)

  process.stdout.write('\nover a plain loop device\n')
  const plain = await plainLoop(sparseImage(parseSize(size)), (one) =>
    plainLoop(sparseImage(parseSize(size)), (other) => checkOver(tree, fs, [one, other], list)),
  )
  const worse = compareVerdicts(volume, plain)
  process.stdout.write(`\nringvol: ${countVerdicts(volume)}; plain loop device: ${countVerdicts(plain)}\n`)
  for (const line of worse) process.stdout.write(`${line}\n`)
  return worse.length === 0 ? 0 : 1
}

process.on('exit', () => {
  sweep()
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => process.exit(130))
}
process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) =>
  give(1, error instanceof Error ? error.message : String(error)),
)
