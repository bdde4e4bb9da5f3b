/**
 * Turns the TAP of a test run (stdin) into one line per test, the details of failures, and the counts.
 *
 * A test is a leaf: a subtest that holds only assertions. tap's own reporters count assertions or files, and neither
 * says how many behaviours were checked. A file that fails as a whole (crash, timeout) counts as one failure.
 * Counts are appended to the file named by RINGVOL_TEST_COUNTS, as `passed failed skipped`, for scripts/test.sh.
 */
import { appendFileSync } from 'node:fs'
import { Parser } from 'tap-parser'

const counts = { passed: 0, failed: 0, skipped: 0 }
/** @type {string[]} */
const failures = []

/** @param {string} line */
const print = (line) => {
  process.stdout.write(`${line}\n`)
}

/** @param {import('tap-parser').Result} result @param {readonly string[]} path */
const describeFailure = (result, path) => {
  const { diff, stack, at: _at, source: _source, ...rest } = /** @type {Record<string, unknown>} */ (result.diag ?? {})
  const lines = Object.entries(diff === undefined ? rest : {}).map(
    ([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  for (const detail of [diff, stack]) if (typeof detail === 'string') lines.push(...detail.trimEnd().split('\n'))
  return [`not ok: ${[...path, result.name].join(' > ')}`, ...lines].join('\n    ')
}

/**
 * What a subtest held: subtests, failed subtests, failed assertions of its own.
 * @typedef {{ children: number, failedChildren: number, failedAssertions: number }} Contents
 */

/** @param {import('tap-parser').Result} result @param {readonly string[]} path @param {Contents | undefined} ended */
const count = (result, path, ended) => {
  const title = [...path, result.name].join(' > ')
  const isTest = ended?.children === 0
  if (result.skip) {
    counts.skipped++
    print(`skip  ${title} # ${typeof result.skip === 'string' ? result.skip : 'no reason given'}`)
  } else if (result.ok) {
    if (!isTest) return
    counts.passed++
    print(`ok    ${title}${result.time && result.time > 500 ? ` (${(result.time / 1000).toFixed(1)} s)` : ''}`)
  } else {
    // An assertion is a detail of the test around it, which is counted when it ends; at the top there is none around.
    // A group or file counts only when none of its tests did.
    if (ended ? ended.failedChildren === 0 : path.length === 0) {
      counts.failed++
      print(`FAIL  ${title}`)
    }
    if (!ended || ended.failedChildren + ended.failedAssertions === 0) failures.push(describeFailure(result, path))
  }
}

/** @param {Parser} parser @param {readonly string[]} path @param {Contents} self */
const watch = (parser, path, self) => {
  /** @type {Contents | undefined} */
  let ended
  parser.on('child', (nested) => {
    self.children++
    ended = { children: 0, failedChildren: 0, failedAssertions: 0 }
    watch(nested, [...path, nested.name], ended)
  })
  parser.on('comment', (comment) => {
    if (/^# (seed|note)/.test(comment)) print(comment.trimEnd())
  })
  parser.on('assert', (result) => {
    count(result, path, ended)
    if (!result.ok && !result.skip) self[ended ? 'failedChildren' : 'failedAssertions']++
    ended = undefined
  })
}

const parser = new Parser()
watch(parser, [], { children: 0, failedChildren: 0, failedAssertions: 0 })
parser.on('complete', () => {
  for (const failure of failures) print(`\n${failure}`)
  if (failures.length > 0) print('')
  print(`${String(counts.passed)} passed, ${String(counts.failed)} failed, ${String(counts.skipped)} skipped`)
  const file = process.env['RINGVOL_TEST_COUNTS']
  if (file) appendFileSync(file, `${String(counts.passed)} ${String(counts.failed)} ${String(counts.skipped)}\n`)
})
process.stdin.pipe(parser)
