/**
 * The command line as the root tests drive it: the compiled one, in child processes, with a private run directory.
 *
 * Asking for a transport is not evidence that it ran, so every volume started here is checked against what the ready
 * line or `list --json` says.
 */
import { strict as assert } from 'node:assert'
import { appendFileSync, truncateSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { VolumeCounters, VolumeStatus } from '../../src/volume.js'
import { recordDevice } from './journal.js'
import { attempt, run, start, type Result, type Running, type RunOptions } from './process.js'
import { freshDirectory, freshPath } from './scratch.js'

export { carriers, lacksTransport, transports, usableTransports } from './transports.js'

export const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** Any status is a result. */
export const ringvol = (args: readonly string[], options: RunOptions = {}): Promise<Result> =>
  attempt(process.execPath, [main, ...args], options)

/** Must succeed; resolves to stdout without the last newline. */
export const ringvolOk = (args: readonly string[], options: RunOptions = {}): Promise<string> =>
  run(process.execPath, [main, ...args], options)

export const list = async (): Promise<VolumeStatus[]> =>
  (JSON.parse(await ringvolOk(['list', '--json'])) as { volumes: VolumeStatus[] }).volumes

export const counters = async (name: string): Promise<VolumeCounters> =>
  (JSON.parse(await ringvolOk(['info', name, '--json'])) as { counters: VolumeCounters }).counters

/** One counter; a name that does not exist fails the test instead of comparing undefined. */
export const counter = async (name: string, which: string): Promise<number> => {
  const value = (await counters(name))[which]
  assert(typeof value === 'number', `info ${name} --json has no counter '${which}'`)
  return value
}

/** A sparse image in the scratch directory, or in another one. */
export const sparseImage = (bytes: number, directory?: string): string => {
  const path = directory === undefined ? freshPath('image') : `${directory}/image`
  writeFileSync(path, '', { mode: 0o600 })
  truncateSync(path, bytes)
  return path
}

const requested = (args: readonly string[]): string | undefined => args[args.indexOf('--transport') + 1]

const assertTransport = (status: VolumeStatus, args: readonly string[]): void => {
  const report = process.env['RINGVOL_TEST_RAN']
  if (report !== undefined) appendFileSync(report, `${status.transport}\n`)
  if (!args.includes('--transport')) return
  assert.equal(status.transport, requested(args), `asked for ${String(requested(args))}; ${status.reason}`)
}

export interface AttachedDevice {
  readonly device: string
  /** Waits for the daemon's last flush. Rejects when `detach` fails. */
  detach(): Promise<void>
}

export interface Attached extends AttachedDevice {
  readonly status: VolumeStatus
}

/** Without asking what was attached. */
export const attachOnly = async (
  source: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<AttachedDevice> => {
  const device = await ringvolOk(['attach', source, ...args], options)
  assert.match(device, /^\/dev\/loop\d+$/, 'attach prints the device and only that')
  recordDevice(device)
  return {
    device,
    detach: async () => {
      assert.equal(await ringvolOk(['detach', device], { deadline: 60_000 }), '', 'detach prints nothing')
    },
  }
}

export const attach = async (
  source: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<Attached> => {
  const attached = await attachOnly(source, args, options)
  const status = (await list()).find((volume) => volume.device === attached.device)
  assert(status !== undefined, `${attached.device} is not in list --json`)
  assertTransport(status, args)
  return { ...attached, status }
}

export interface Served {
  readonly daemon: Running
  readonly status: VolumeStatus
  /** Path of the FUSE file. */
  readonly volume: string
  /** SIGTERM, then waits for the end. */
  stop(): Promise<Result>
}

/** For daemons only: their helpers and ours must not be preloaded with it. What `scripts/sanitize.sh environment` says. */
const sanitizer = (): Record<string, string> =>
  JSON.parse(process.env['RINGVOL_TEST_DAEMON_ENVIRONMENT'] ?? '{}') as Record<string, string>

/** `under`: a command that runs the daemon in its own place, such as one that takes something away first. */
export const serve = async (
  source: string,
  args: readonly string[] = [],
  options: RunOptions = {},
  under: readonly string[] = [],
): Promise<Served> => {
  const words = [...under, process.execPath, main, 'serve', source, freshDirectory('mount'), ...args]
  const environment = { ...sanitizer(), ...options.environment }
  const daemon = start(words[0] ?? '', words.slice(1), { ...options, environment })
  const status = JSON.parse(await daemon.line()) as VolumeStatus
  assertTransport(status, args)
  return {
    daemon,
    status,
    volume: status.volume,
    stop: () => {
      daemon.child.kill('SIGTERM')
      return daemon.ended(60_000)
    },
  }
}
