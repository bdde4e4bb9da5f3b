/**
 * fio as a judge: it writes blocks that say where they belong, reads them back, and ends with an error on the first
 * that is wrong. Timing is never measured in the same run.
 */
import { run } from './process.js'

const common = '--rw=randrw --direct=1 --verify=md5 --do_verify=1 --verify_fatal=1 --randrepeat=0 --allow_file_create=0'

export interface VerifyJob {
  readonly name: string
  readonly options: readonly string[]
}

/** Engines, depths and block sizes that were asked for; each job takes about a second. */
export const verifyJobs: readonly VerifyJob[] = ['libaio', 'io_uring'].flatMap((engine) =>
  [32, 256].flatMap((depth) =>
    [
      ['4k', '--bs=4k', '--size=16m'],
      ['1M', '--bs=1m', '--size=64m'],
      // Blocks of different sizes overlap, and two overlapping writes at once may land in either order.
      ['512 B to 1 MiB', '--bssplit=512/10:4k/60:64k/20:1m/10', '--size=32m', '--serialize_overlap=1'],
    ].map(([size, ...options]) => ({
      name: `${engine}, iodepth ${String(depth)}, ${String(size)}`,
      options: [`--ioengine=${engine}`, `--iodepth=${String(depth)}`, ...options],
    })),
  ),
)

/** Rejects when fio finds a wrong block or an error. */
export const fioVerify = (path: string, options: readonly string[], seed: number): Promise<string> =>
  run('fio', ['--name=verify', `--filename=${path}`, `--randseed=${String(seed)}`, ...common.split(' '), ...options], {
    deadline: 120_000,
  })
