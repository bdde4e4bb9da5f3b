/**
 * A tree of some thousand files, and a fingerprint of it: what a file system must give back unchanged.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './process.js'
import type { Random } from './seed.js'

/** Fills a directory with `files` files of 0 to 16 KiB in 50 directories, and one of 3 MiB. */
export const plantTree = (directory: string, files: number, random: Random): void => {
  const noise = Buffer.from(Array.from({ length: 1 << 16 }, () => random.below(256)))
  for (let index = 0; index < files; index++) {
    const place = join(directory, `directory ${String(index % 50)}`)
    if (index < 50) mkdirSync(place, { recursive: true })
    const start = random.below(noise.length / 2)
    writeFileSync(join(place, `file-${String(index)}`), noise.subarray(start, start + random.below(16 << 10)))
  }
  writeFileSync(join(directory, 'large'), Buffer.concat(Array<Buffer>(48).fill(noise)))
}

/** One hash over the names and contents of all files below. */
export const fingerprint = (directory: string): Promise<string> =>
  run('sh', [
    '-c',
    'cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum',
    'sh',
    directory,
  ])
