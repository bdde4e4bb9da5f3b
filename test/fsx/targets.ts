/**
 * The real things fsx works on: the FUSE file and the loop device of a volume over a fresh image.
 */
import { readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { attempt, run } from '../support/process.js'
import { attach, lacksTransport, ringvol, serve, sparseImage } from '../support/ringvol.js'
import { freshPath } from '../support/scratch.js'
import { transportNames, type TransportName } from '../../src/transport/transport.js'
import { requires } from '../support/requires.js'
import type { OpenTarget } from './hunt.js'
import type { Mode } from './operation.js'
import type { Deviation } from './runner.js'

let compiled: Promise<string> | undefined

/** Compiles device.cc, once per process, into the scratch directory. */
const deviceProgram = (): Promise<string> =>
  (compiled ??= (async () => {
    const path = freshPath('device')
    await run('g++', ['-O2', '-o', path, fileURLToPath(new URL('device.cc', import.meta.url))], { deadline: 60_000 })
    return path
  })())

/** One open of a file or block device by another process. */
export const deviceSession = async (
  path: string,
  mode: Mode,
  kind: 'file' | 'block',
  lines: readonly string[],
): Promise<Deviation | undefined> => {
  const input = `${lines.join('\n')}\n`
  const { code, stdout, stderr } = await attempt(await deviceProgram(), [path, mode, kind], {
    input,
    deadline: 120_000,
  })
  const [index = '', answer = '', bytes = ''] = stdout.trimEnd().split(' ')
  if (code !== 0 || index === '') throw new Error(`device ${path} ended with ${String(code)}: ${stderr}`)
  if (index !== 'end') return { index: Number(index), answer, bytes: Buffer.from(bytes, 'hex') }
  if (Number(answer) !== lines.length) throw new Error(`device ${path} did ${answer} of ${String(lines.length)} lines`)
  return undefined
}

interface Exported {
  readonly path: string
  stop(): Promise<void>
}

const exported = {
  volume: async (image: string, args: readonly string[]): Promise<Exported> => {
    const served = await serve(image, args)
    const stop = async (): Promise<void> => {
      const { code, stderr } = await served.stop()
      if (code !== 0) throw new Error(`serve ended with ${String(code)}: ${stderr}`)
    }
    return { path: served.volume, stop }
  },
  loop: async (image: string, args: readonly string[]): Promise<Exported> => {
    const attached = await attach(image, args)
    return { path: attached.device, stop: () => attached.detach() }
  },
}

/** A fresh image, exported over a transport. */
export const openTarget: OpenTarget = async ({ target, mode, size, transport }) => {
  const image = sparseImage(size)
  const args = ['--transport', transport]
  let current = await exported[target](image, args)
  return {
    session: (lines) => deviceSession(current.path, mode, target === 'loop' ? 'block' : 'file', lines),
    reattach: async () => {
      await current.stop()
      current = await exported[target](image, args)
    },
    end: async () => {
      await current.stop()
      const bytes = readFileSync(image)
      rmSync(image)
      return bytes
    },
  }
}

/** Those that run here. Passthrough has no probe but to try it: it depends on the kernel and on the image's own place. */
export const usableTransports = async (): Promise<TransportName[]> => {
  const usable: TransportName[] = []
  for (const name of transportNames) {
    if (name !== 'passthrough') {
      if (lacksTransport(name) === false) usable.push(name)
    } else if (requires('root', 'fuse') === false) {
      const { code } = await ringvol(['run', sparseImage(1 << 20), '--transport', name, '--', 'true'])
      if (code === 0) usable.push(name)
    }
  }
  return usable
}
