/**
 * A file system on the loop device that stops as in a power cut, while files are written on it.
 *
 * FS_IOC_SHUTDOWN without flushing the journal: whatever the file system had not made durable with barriers is gone.
 * Then its own recovery runs, its checker finds nothing, and every file that was fsynced before it is whole. A flush
 * that our volume answered without doing it, or a write it lost or moved, shows as a broken journal or a broken file.
 */
import type { TransportName } from '../../src/transport/transport.js'
import { fileSystems, type FileSystem } from '../support/devices.js'
import { inChild, run, start, until } from '../support/process.js'
import { attach, sparseImage } from '../support/ringvol.js'
import { freshDirectory } from '../support/scratch.js'
import { randomFrom, type Random } from '../support/seed.js'
import type { Scenario } from './scenario.js'

// mkfs.xfs refuses less than 300 MiB.
const size = 320 << 20

/** What the kernel rightly logs of a file system that was told to shut down. */
export const shutDown = [
  /EXT4-fs .*(shut ?down|error|convert_unwritten_extents.* returned -5)/i,
  /XFS .*(shut ?down|log I\/O error|error)/i,
  /JBD2|lost (async|sync) page write|Buffer I\/O error/i,
]

/** Runs in the child: files of known contents, each fsynced and announced, with others between that are not. */
const writer = async (directory: string): Promise<void> => {
  const fs = await import('node:fs')
  const folder = fs.openSync(directory, 'r')
  try {
    for (let number = 0; ; number++) {
      const contents = Buffer.alloc(1 + ((number * 7919) % 70_000), (number % 255) + 1)
      fs.writeFileSync(`${directory}/noise-${String(number % 50)}`, contents)
      const file = fs.openSync(`${directory}/synced-${String(number)}`, 'wx')
      fs.writeSync(file, contents)
      fs.fsyncSync(file)
      fs.closeSync(file)
      fs.fsyncSync(folder)
      fs.writeSync(1, `synced ${String(number)}\n`)
    }
  } catch (error) {
    fs.writeSync(1, `failed ${(error as NodeJS.ErrnoException).code ?? String(error)}\n`)
  }
}

/** Which of the first `count` synced files are not what was written. */
const broken = (directory: string, count: number): Promise<string[]> =>
  inChild(
    async ({ directory, count }) => {
      const fs = await import('node:fs')
      return Array.from({ length: count }, (_, number) => number).flatMap((number) => {
        const name = `${directory}/synced-${String(number)}`
        const contents = Buffer.alloc(1 + ((number * 7919) % 70_000), (number % 255) + 1)
        try {
          return fs.readFileSync(name).equals(contents) ? [] : [`${name} has other contents`]
        } catch (error) {
          return [`${name}: ${String(error)}`]
        }
      })
    },
    { directory, count },
  )

/** One life of a file system, up to its sudden end, and what is found afterwards. Resolves with the files it had. */
export const shutdownCycle = async (
  { name, make, check }: FileSystem,
  transport: TransportName,
  random: Random,
): Promise<number> => {
  const image = sparseImage(size)
  const attached = await attach(image, ['--transport', transport])
  const mountpoint = freshDirectory(name)
  await make(attached.device)
  await run('mount', [attached.device, mountpoint])
  const load = start(process.execPath, ['--input-type=module', '-e', `await (${writer.toString()})('${mountpoint}')`])
  const enough = 5 + random.below(40)
  await until(`${String(enough)} files`, () => load.lines.length >= enough, 30_000)
  // Of an fsync that meets the shutdown half way nothing is promised, whichever way it is answered: xfs on a plain loop
  // device over tmpfs, too, answered one and lacked its file after recovery, in 2 of 150 lives (Linux 6.18).
  const synced = load.lines.filter((line) => line.startsWith('synced')).length
  await run('xfs_io', ['-x', '-r', '-c', 'shutdown', mountpoint])
  await load.ended(10_000)
  await run('umount', [mountpoint])

  await run('mount', [attached.device, mountpoint])
  const wrong = await broken(mountpoint, synced)
  await run('umount', [mountpoint])
  await check(attached.device)
  await attached.detach()
  await run('rm', [image])
  const where = `${name} on ${transport}, ${String(synced)} synced files`
  if (load.lines.at(-1)?.startsWith('failed') !== true) throw new Error(`${where}: the shutdown stopped nobody`)
  if (wrong.length > 0) throw new Error(`${where}: ${wrong.slice(0, 20).join('; ')}`)
  return synced
}

/** btrfs has no such ioctl. */
export const stoppable = fileSystems.filter(({ name }) => name !== 'btrfs')

export const scenario: Scenario = {
  name: 'shutdowns',
  mounts: true,
  expectedLog: shutDown,
  run: async ({ seed, transport, until, count }) => {
    const random = randomFrom(seed)
    for (const fileSystem of stoppable) {
      if (Date.now() >= until) return
      await shutdownCycle(fileSystem, transport, random)
      count('shutdowns')
    }
  },
}
