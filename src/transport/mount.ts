/**
 * The FUSE mount: `/dev/fuse`, mount(2) and umount2(2), with errors that say what to do.
 *
 * Unmounting runs on libuv's pool: the kernel may ask us something while it unmounts, so the serving thread must not
 * wait for it.
 */
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { type ErrorCode, errnoName, errnoOf, RingvolError } from '../errors.js'
import { addon } from '../native/addon.js'

const { EBUSY, EINVAL, ENOENT, ENODEV, EACCES, EPERM, ENOTDIR, ELOOP } = constants.errno

const fail = (code: ErrorCode, what: string, path: string, cause: unknown, advice?: string): RingvolError => {
  const errno = errnoOf(cause)
  const { syscall } = cause as { syscall?: string }
  return new RingvolError(code, `${what}: ${errno === undefined ? String(cause) : errnoName(errno)}`, {
    path,
    cause,
    ...(errno === undefined ? {} : { errno }),
    ...(syscall === undefined ? {} : { syscall }),
    ...(advice === undefined ? {} : { advice }),
  })
}

const openError = (cause: unknown): RingvolError => {
  const errno = errnoOf(cause)
  if (errno === EACCES || errno === EPERM) {
    return fail('ERR_PERMISSION', 'cannot open /dev/fuse', '/dev/fuse', cause, 'run as root')
  }
  const advice = errno === ENOENT || errno === ENODEV ? 'load the module with `modprobe fuse`' : undefined
  return fail('ERR_TRANSPORT', 'cannot open /dev/fuse', '/dev/fuse', cause, advice)
}

const mountError = (mountpoint: string, cause: unknown): RingvolError => {
  const errno = errnoOf(cause)
  const what = `cannot mount on ${mountpoint}`
  if (errno === ENOENT || errno === ENOTDIR || errno === ELOOP) {
    return fail('ERR_MOUNTPOINT', what, mountpoint, cause, 'the mountpoint must be an existing directory')
  }
  if (errno === EPERM || errno === EACCES) {
    return fail('ERR_PERMISSION', what, mountpoint, cause, 'mounting needs root (CAP_SYS_ADMIN)')
  }
  return fail('ERR_MOUNT', what, mountpoint, cause)
}

/**
 * What is mounted on exactly this path, lowest first, from procfs: touching the path could wait for ourselves. Each is
 * its numbers, type and source; numbers alone are given again as soon as a mount is gone.
 */
const mountsOn = (mountpoint: string): string[] => {
  const escaped = Buffer.from(mountpoint)
    .toString('latin1')
    .replace(/[ \t\n\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`)
  return readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .flatMap((line) => {
      const [left = '', right = ''] = line.split(' - ', 2)
      const [id = '', , device = '', , path] = left.split(' ')
      return path === escaped ? [[id, device, ...right.split(' ', 2)].join(' ')] : []
    })
}

export interface MountOptions {
  readonly mountpoint: string
  /** First column of /proc/mounts. */
  readonly source: string
  readonly readOnly: boolean
  readonly allowOther: boolean
}

export class Mount {
  readonly mountpoint: string
  readonly deviceFd: number
  readonly #clones: number[] = []
  readonly #backings: number[] = []
  /** How this mount is listed, to tell it from what others mount here later. */
  readonly #listed: string | undefined

  private constructor(mountpoint: string, deviceFd: number) {
    this.mountpoint = mountpoint
    this.deviceFd = deviceFd
    this.#listed = mountsOn(mountpoint).at(-1)
  }

  /** The kernel's number of the connection: the minor device number of the mount. */
  get connection(): number {
    return Number(/ \d+:(\d+) /.exec(this.#listed ?? '')?.[1] ?? 0)
  }

  /** Throws ERR_MOUNTPOINT, ERR_MOUNT, ERR_PERMISSION or ERR_TRANSPORT. */
  static open({ mountpoint, source, readOnly, allowOther }: MountOptions): Mount {
    let deviceFd: number
    try {
      deviceFd = addon().openDevice()
    } catch (cause) {
      throw openError(cause)
    }
    // The kernel checks permissions itself, always: without that, allow_other would let everybody in (libfuse#15).
    const options = ['default_permissions', ...(allowOther ? ['allow_other'] : [])].join(',')
    try {
      addon().mount(deviceFd, mountpoint, source, readOnly, options)
    } catch (cause) {
      addon().closeDevice(deviceFd)
      throw mountError(mountpoint, cause)
    }
    return new Mount(mountpoint, deviceFd)
  }

  /** Ends the connection through fusectl: whoever waits gets an error. Throws what opening its controls throws. */
  abort(): void {
    const control = addon().openControl(this.connection)
    try {
      addon().abortControl(control)
    } finally {
      addon().closeControl(control)
    }
  }

  /**
   * Throws ERR_MOUNT with errno EBUSY while something is open in it or mounted over it. A mount that is already gone is
   * fine, and what others have mounted in its place since is left alone.
   */
  async unmount({ lazy }: { lazy: boolean }): Promise<void> {
    const listed = mountsOn(this.mountpoint)
    if (this.#listed === undefined || !listed.includes(this.#listed)) return
    if (listed.at(-1) !== this.#listed) {
      throw new RingvolError('ERR_MOUNT', `cannot unmount ${this.mountpoint}: something is mounted over it`, {
        errno: EBUSY,
        path: this.mountpoint,
        advice: 'unmount that first',
      })
    }
    try {
      await addon().unmount(this.mountpoint, lazy)
    } catch (cause) {
      const errno = errnoOf(cause)
      if (errno === EINVAL || errno === ENOENT) return
      const advice = errno === EBUSY ? 'something still uses the volume: detach it first' : undefined
      throw fail('ERR_MOUNT', `cannot unmount ${this.mountpoint}`, this.mountpoint, cause, advice)
    }
  }

  /** Another descriptor of the same connection, for a lane of its own; closed with the mount. */
  clone(): number {
    const fd = addon().cloneDevice(this.deviceFd)
    this.#clones.push(fd)
    return fd
  }

  /** Hands a file to the kernel, for passthrough; the id is given back with the mount. Throws system errors. */
  openBacking(fileFd: number): number {
    const id = addon().openBacking(this.deviceFd, fileFd)
    this.#backings.push(id)
    return id
  }

  /** Ends the connection when nothing else holds it; whoever still uses the mount gets ENOTCONN. */
  close(): void {
    // Else the image would stay locked a moment longer than the volume lives, and could not be exported again at once.
    try {
      for (const id of this.#backings.splice(0)) addon().closeBacking(this.deviceFd, id)
    } finally {
      for (const fd of [...this.#clones, this.deviceFd]) addon().closeDevice(fd)
    }
  }
}
