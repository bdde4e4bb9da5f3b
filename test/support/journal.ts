/**
 * Loop devices a test attached, written down so that a sweep after a crash can detach them.
 *
 * Most loop devices are recognised by their backing path, which lies under a scratch directory. But the kernel shows
 * only `/volume` once the FUSE mount has been detached lazily, and that says nothing about whose it is; so the device
 * name is recorded as soon as it is known, and both must agree before anything is detached.
 */
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { scratch } from './scratch.js'

export interface Loop {
  /** `/dev/loop3` */
  readonly device: string
  readonly backing: string
}

const file = 'devices'

/** Ends the lines that the journal writes into the kernel's log: kernel-log.ts. */
export const logMark = `is of ${basename(scratch)}`

export const recordDevice = (device: string): void => {
  appendFileSync(join(scratch, file), `${device}\n`)
  try {
    writeFileSync('/dev/kmsg', `<7>ringvol test: ${basename(device)} ${logMark}\n`)
  } catch {
    // A container may not; then the device's name has to do.
  }
}

const readLines = (path: string): string[] => {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean)
  } catch {
    return []
  }
}

export const recordedDevices = (directory: string = scratch): Set<string> => new Set(readLines(join(directory, file)))

/** Every attached loop device of the machine. */
export const attachedLoops = (): Loop[] =>
  readdirSync('/sys/block')
    .filter((name) => /^loop\d+$/.test(name))
    .flatMap((name) => {
      const [backing] = readLines(`/sys/block/${name}/loop/backing_file`)
      return backing === undefined ? [] : [{ device: `/dev/${name}`, backing }]
    })

/** Those that belong to the test process whose scratch directory this is. */
export const ownLoops = (directory: string = scratch): Loop[] => {
  const recorded = recordedDevices(directory)
  return attachedLoops().filter(
    ({ device, backing }) =>
      backing.startsWith(`${directory}/`) || (recorded.has(device) && /^\/volume( \(deleted\))?$/.test(backing)),
  )
}
