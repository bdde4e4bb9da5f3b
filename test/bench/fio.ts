/** What fio is told, what is read from it, and that a wrong byte is found: the last with fio itself, on a plain file. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync, closeSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  describeJob,
  figuresOf,
  fillJobs,
  parseFio,
  readAreaCheck,
  runFio,
  timedJob,
  writeAreaCheck,
  writeThenVerify,
  type Place,
} from '../../bench/fio.js'
import { patterns, type Pattern } from '../../bench/patterns.js'
import { halves } from '../../bench/rig.js'

const MiB = 1024 ** 2
const place = halves('/dev/loop9', 64 * MiB)
const pattern = (name: string): Pattern => {
  const found = patterns.find((candidate) => candidate.name === name)
  if (!found) throw new Error(`no pattern ${name}`)
  return found
}
const direction = (iops: number, p50: number, p99: number) => ({
  iops,
  bw_bytes: iops * 4096,
  total_ios: iops * 2,
  runtime: iops === 0 ? 0 : 2000,
  lat_ns: iops === 0 ? {} : { percentile: { '50.000000': p50, '99.000000': p99 } },
})
const report = (read: object, write: object): string =>
  `fio: a warning first\n${JSON.stringify({ jobs: [{ jobname: 'timed', error: 0, read, write }] })}`

t.test('the main job: libaio, direct, 4k, batches of four', (t) => {
  const line = timedJob(place, { pattern: pattern('rand-read'), depth: 1024 }, 3, false).join(' ')
  t.match(
    line,
    /--rw=randread --bs=4k --ioengine=libaio --direct=1 --iodepth=1024 --iodepth_batch_submit=4 --iodepth_batch_complete_min=4/,
  )
  t.match(line, /--time_based=1 --runtime=3000ms/)
  t.end()
})

t.test('a batch is never larger than the depth: fio would wait for requests that nobody sends', (t) => {
  t.match(
    timedJob(place, { pattern: pattern('rand-read'), depth: 1 }, 1, false).join(' '),
    /--iodepth_batch_complete_min=1 /,
  )
  t.end()
})

t.test('what is reported of a job is how it works, not where and for how long, and nothing of the checker', (t) => {
  const described = describeJob(timedJob(place, { pattern: pattern('rand-read-32k'), depth: 4 }, 3, true))
  t.match(described, /--rw=randread --bs=32k --ioengine=libaio --direct=1 --iodepth=4/)
  t.notMatch(described, /loop9|offset|size=|runtime|verify/)
  t.end()
})

t.test('the job with large blocks: 1 MiB, half reads, 32 in flight', (t) => {
  const line = timedJob(place, { pattern: pattern('mixed-1m'), depth: 32 }, 3, false).join(' ')
  t.match(line, /--rw=randrw --bs=1m --ioengine=libaio --direct=1 --iodepth=32/)
  t.equal(pattern('mixed-1m').depth, 32)
  t.end()
})

t.test('patterns that write stay out of the half that reads are checked in', (t) => {
  for (const each of patterns) {
    const line = timedJob(place, { pattern: each, depth: 32 }, 1, false)
    t.equal(line.includes(`--offset=${String(32 * MiB)}`), each.rw !== 'read' && each.rw !== 'randread', each.name)
  }
  t.end()
})

t.test('known data is checked beside the timed job exactly where there is known data', (t) => {
  const job = { pattern: pattern('rand-write'), depth: 32 }
  t.ok(timedJob(place, job, 1, true).includes('--name=checker'))
  t.notOk(timedJob(place, job, 1, false).includes('--name=checker'))
  t.end()
})

t.test('halves do not overlap and stay inside, also when the size is no whole number of MiB', (t) => {
  const { read, write } = halves('x', 101.7 * MiB)
  t.same(
    [read, write],
    [
      { offset: 0, length: 50 * MiB },
      { offset: 50 * MiB, length: 50 * MiB },
    ],
  )
  t.end()
})

t.test('figures of a mixed pattern are summed, their latency is the worse of both directions', (t) => {
  t.match(figuresOf(parseFio(report(direction(100, 10, 90), direction(300, 20, 50))), 'timed'), {
    iops: 400,
    bytesPerSecond: 400 * 4096,
    operations: 800,
    seconds: 2,
    p50: 20,
    p99: 90,
  })
  t.end()
})

t.test('a job that did no I/O is no measurement', (t) => {
  t.throws(() => figuresOf(parseFio(report(direction(0, 0, 0), direction(0, 0, 0))), 'timed'), /did no I\/O/)
  t.throws(() => figuresOf(parseFio(report(direction(1, 1, 1), direction(0, 0, 0))), 'other'), /other did no I\/O/)
  t.end()
})

t.test('output that is no JSON is an error that shows it', (t) => {
  t.throws(() => parseFio('fio: cannot open'), /no JSON: fio: cannot open/)
  t.end()
})

const hasFio = (): boolean => {
  try {
    execFileSync('fio', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

t.test('real data', { skip: hasFio() ? false : 'fio is not installed' }, async (t) => {
  const directory = mkdtempSync('/var/tmp/ringvol-fio-')
  t.teardown(() => {
    rmSync(directory, { recursive: true })
  })
  const file = join(directory, 'data')
  writeFileSync(file, '')
  truncateSync(file, 8 * MiB)
  const real: Place = halves(file, 8 * MiB)
  const options = { cwd: directory, signal: new AbortController().signal, seconds: 60 }
  const spoil = (offset: number): void => {
    const fd = openSync(file, 'r+')
    writeSync(fd, 'x', offset)
    closeSync(fd)
  }
  const wrong = { name: 'RingvolError', code: 'ERR_BACKEND' }

  await runFio(fillJobs(real), options)
  await t.resolves(runFio(readAreaCheck(real), options), 'what was filled in verifies')
  await t.resolves(runFio(writeAreaCheck(real), options), 'and so does the write area before any timed write')

  const timed = await runFio(timedJob(real, { pattern: pattern('rand-write'), depth: 16 }, 0.5, true), options)
  t.ok(figuresOf(timed, 'timed').operations > 0)
  t.ok(figuresOf(timed, 'checker').operations > 5, 'reads were checked while writes were timed')
  await t.resolves(runFio(writeAreaCheck(real), options), 'timed writes leave what the check expects')

  spoil(5 * MiB + 77)
  await t.rejects(runFio(writeAreaCheck(real), options), wrong, 'one byte of the write area is found')
  await t.resolves(runFio(writeThenVerify(real), options), 'and overwritten by the last check')

  for (let block = 0; block < 4 * MiB; block += 4096) spoil(block + 2000)
  await t.rejects(runFio(readAreaCheck(real), options), wrong, 'wrong bytes of the read area are found')
  await t.rejects(
    runFio(timedJob(real, { pattern: pattern('rand-read'), depth: 16 }, 0.5, true), options),
    wrong,
    'also while timed',
  )
  await t.rejects(
    runFio(readAreaCheck(halves(join(directory, 'nothing'), 8 * MiB)), options),
    { code: 'ERR_SYSTEM' },
    'a missing file is another failure',
  )
})
