/**
 * fio: its command lines, and what is read from its JSON.
 *
 * A timed run is two jobs in one fio process. `timed` is the pattern. `checker` reads known data in the same target at
 * the same time, slowly and one at a time, and verifies it, so that a wrong byte under load fails the run without the
 * timed job paying for checksums: 100 reads a second beside some hundred thousand are below the noise.
 */
import { errnoName, RingvolError } from '../src/errors.js'
import { attempt, type Outcome } from './command.js'
import { type Job } from './plan.js'
import { type Figures } from './results.js'

/** Bytes; a part of a target. */
export interface Area {
  readonly offset: number
  readonly length: number
}

export interface Place {
  readonly filename: string
  readonly read: Area
  readonly write: Area
}

type Options = Readonly<Record<string, string | number>>

const jobArguments = (name: string, options: Options): string[] => [
  `--name=${name}`,
  ...Object.entries(options).map(([key, value]) => `--${key}=${String(value)}`),
]

/** The target exists already; where it does not, fio would make a file of that name and measure that, even in /dev. */
const at = ({ filename }: Place, { offset, length }: Area): Options => ({
  filename,
  allow_file_create: 0,
  offset,
  size: length,
})

/** Every 4 KiB block carries its own offset and checksum, whatever the block size of the I/O that writes it. */
const headers = { verify: 'crc32c', verify_interval: 4096, verify_fatal: 1, verify_state_save: 0 } as const
/** What timed writes write: not zeros, not compressible to nothing by accident, and known. */
const timedPattern = '0x72696e67766f6c21'
const bulk = { ioengine: 'libaio', direct: 1, bs: '1m', iodepth: 8 } as const

export const checkerReadsPerSecond = 100

/** 4 by 4, but never more than are in flight. */
const batch = (depth: number): Options => ({
  iodepth_batch_submit: Math.min(4, depth),
  iodepth_batch_complete_min: Math.min(4, depth),
})

/** `check: false` for a target that holds no data. */
export const timedJob = (place: Place, { pattern, depth }: Job, seconds: number, check: boolean): string[] => {
  const time = { time_based: 1, runtime: `${String(Math.round(seconds * 1000))}ms` }
  const timed = jobArguments('timed', {
    // From the submitting call on: a loop device does much of a small write inside it, which clat would leave out.
    lat_percentiles: 1,
    clat_percentiles: 0,
    ...at(place, place[pattern.area]),
    rw: pattern.rw,
    bs: pattern.blockSize,
    ioengine: pattern.engine,
    direct: 1,
    iodepth: depth,
    ...(pattern.engine === 'vsync' ? { iodepth_batch_submit: depth } : batch(depth)),
    ...(pattern.area === 'write' ? { buffer_pattern: timedPattern } : {}),
    ...time,
  })
  if (!check) return timed
  const checker = {
    ...at(place, place.read),
    ...headers,
    rw: 'randread',
    bs: '4k',
    norandommap: 1,
    ioengine: 'psync',
    direct: 1,
  }
  return [...timed, ...jobArguments('checker', { ...checker, rate_iops: checkerReadsPerSecond, ...time })]
}

/** The options of a timed job that do not name a place or a length. */
export const describeJob = (jobs: readonly string[]): string => {
  const next = jobs.findIndex((word, index) => index > 0 && word.startsWith('--name='))
  const own = next === -1 ? jobs : jobs.slice(0, next)
  return own.filter((word) => !/^--(name|filename|allow_file_create|offset|size|runtime)=/.test(word)).join(' ')
}

/** Puts known data everywhere: checkable headers into the read area, what timed writes write into the write area. */
export const fillJobs = (place: Place): string[] => [
  ...jobArguments('fill-read', { ...at(place, place.read), ...bulk, ...headers, rw: 'write', do_verify: 0 }),
  ...jobArguments('fill-write', {
    ...at(place, place.write),
    ...bulk,
    rw: 'write',
    buffer_pattern: timedPattern,
    end_fsync: 1,
  }),
]

/** Every block of the read area is still what was filled in. */
export const readAreaCheck = (place: Place): string[] =>
  jobArguments('read-area', { ...at(place, place.read), ...bulk, ...headers, rw: 'read' })

/** The write area holds what the timed writes wrote and nothing else. */
export const writeAreaCheck = (place: Place): string[] =>
  jobArguments('write-area', {
    ...at(place, place.write),
    ...bulk,
    ...headers,
    rw: 'read',
    verify: 'pattern',
    verify_pattern: timedPattern,
  })

/** Random 4 KiB writes at depth with checksums, then every block read back. */
export const writeThenVerify = (place: Place): string[] =>
  jobArguments('write-verify', {
    ...at(place, place.write),
    ...bulk,
    ...headers,
    bs: '4k',
    iodepth: 256,
    rw: 'randwrite',
    // Another order each time: on a shared image the same one would find the right blocks of the system before.
    randrepeat: 0,
    do_verify: 1,
    end_fsync: 1,
  })

interface Direction {
  readonly iops: number
  readonly bw_bytes: number
  readonly total_ios: number
  readonly runtime: number
  readonly lat_ns: { readonly percentile?: Readonly<Record<string, number>> }
}

interface JobReport {
  readonly jobname: string
  readonly error: number
  readonly read: Direction
  readonly write: Direction
}

/** fio may print warnings before its JSON. Throws ERR_SYSTEM if there is none. */
export const parseFio = (text: string): JobReport[] => {
  const start = text.indexOf('{')
  try {
    return (JSON.parse(text.slice(Math.max(0, start))) as { jobs: JobReport[] }).jobs
  } catch (cause) {
    throw new RingvolError('ERR_SYSTEM', `fio printed no JSON: ${text.slice(0, 200).trim()}`, { cause })
  }
}

/** The worse of both directions; a direction without I/O has only zeros. */
const percentile = (job: JobReport, name: string): number =>
  Math.max(job.read.lat_ns.percentile?.[name] ?? 0, job.write.lat_ns.percentile?.[name] ?? 0)

/** Figures of one job of a report. Throws ERR_SYSTEM for a job that did no I/O: such a figure is no measurement. */
export const figuresOf = (report: readonly JobReport[], name: string): Figures => {
  const job = report.find(({ jobname }) => jobname === name)
  if (job === undefined || job.read.total_ios + job.write.total_ios === 0) {
    throw new RingvolError('ERR_SYSTEM', `fio's job ${name} did no I/O`)
  }
  return {
    iops: job.read.iops + job.write.iops,
    bytesPerSecond: job.read.bw_bytes + job.write.bw_bytes,
    operations: job.read.total_ios + job.write.total_ios,
    seconds: Math.max(job.read.runtime, job.write.runtime) / 1000,
    p50: percentile(job, '50.000000'),
    p99: percentile(job, '99.000000'),
    p999: percentile(job, '99.900000'),
  }
}

/** fio's own words: on stderr, on stdout before the JSON, or only as a number in it. */
const failureOf = ({ status, stdout, stderr }: Outcome): RingvolError => {
  const talk = `${stderr}\n${stdout.split('{')[0] ?? ''}`.split('\n').map((line) => line.trim())
  const said = talk.filter((line) => line.includes('verify') || line.startsWith('fio:')).slice(0, 3)
  const numbers = [...stdout.matchAll(/"error" : (\d+)/g)]
    .map(([, number]) => Number(number))
    .filter((number) => number !== 0)
  const reason = said.length > 0 ? said : numbers.map(errnoName)
  return new RingvolError(
    said.some((line) => line.includes('verify')) ? 'ERR_BACKEND' : 'ERR_SYSTEM',
    `fio failed with status ${String(status)}: ${reason.join('; ') || 'it did not say why'}`,
  )
}

/**
 * Runs jobs one after the other unless they are timed. Throws ERR_BACKEND for wrong data, ERR_SYSTEM for any other
 * failure; both with fio's own words.
 */
export const runFio = async (
  jobs: readonly string[],
  options: { cwd: string; signal: AbortSignal; seconds: number },
): Promise<JobReport[]> => {
  const outcome = await attempt(['fio', '--output-format=json', ...jobs], {
    cwd: options.cwd,
    signal: options.signal,
    deadline: options.seconds,
  })
  if (outcome.status === 0) return parseFio(outcome.stdout)
  throw failureOf(outcome)
}
