/**
 * What is mounted and attached, read from /proc and /sys only: a stat of a mountpoint or of a volume could wait for a
 * daemon that is gone.
 */
import { readdirSync, readFileSync } from 'node:fs'

const readText = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return null
  }
}

/** mountinfo writes blank, tab, newline and backslash as three octal digits. */
const unescape = (text: string): string =>
  text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))

export interface Mount {
  readonly mountpoint: string
  readonly source: string
}

export const parseMountinfo = (text: string): Mount[] =>
  text.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ')
    const mountpoint = left.split(' ')[4]
    return mountpoint === undefined
      ? []
      : [{ mountpoint: unescape(mountpoint), source: unescape(right.split(' ')[1] ?? '') }]
  })

export const listMounts = (): Mount[] => parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'))

/** Devices, such as /dev/loop3, whose backing file is `file` (a real path). */
export const loopsOver = (file: string): string[] =>
  readdirSync('/sys/block')
    .filter((name) => name.startsWith('loop') && readText(`/sys/block/${name}/loop/backing_file`) === file)
    .map((name) => `/dev/${name}`)

/** null: not attached. */
export const loopDirectIo = (device: string): boolean | null => {
  const text = readText(`/sys/block/${device.replace('/dev/', '')}/loop/dio`)
  return text === null ? null : text === '1'
}

export { readText }
