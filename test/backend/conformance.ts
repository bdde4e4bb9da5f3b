/**
 * Every backend of ringvol, alone and through every layer, held to the contract.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { type Backend, type Layer } from '../../src/backend/backend.js'
import { FileBackend, type FileOptions } from '../../src/backend/file.js'
import { MemoryBackend } from '../../src/backend/memory.js'
import { NullBackend } from '../../src/backend/null.js'
import { layers, parseLayer } from '../../src/layer/registry.js'
import { silentLogger } from '../../src/log.js'
import { backendSuite, type SuiteContext } from './suite.js'
import { fallbackCalls } from './calls.js'

let serial = 0

/** In a directory of this test; nothing is ever mounted there. */
const imageIn = (t: Test, parent: string): string => {
  const directory = mkdtempSync(join(parent, 'ringvol-backend-'))
  t.teardown(() => {
    rmSync(directory, { recursive: true })
  })
  serial += 1
  return join(directory, `image-${String(serial)}`)
}

const fileIn =
  (parent: string, options: FileOptions = {}) =>
  ({ size, t }: SuiteContext): Backend =>
    new FileBackend(imageIn(t, parent), { size, ...options })

const memory = '/dev/shm'
const tmpfsMagic = 0x01021994
const noTmpfs = statfsSync(memory).type === tmpfsMagic ? false : `${memory} is no tmpfs`

backendSuite(t, 'memory', ({ size }) => new MemoryBackend(size))
backendSuite(t, 'null', ({ size }) => new NullBackend(size), { stores: false })
backendSuite(t, 'file on the disk', fileIn(tmpdir()))
backendSuite(t, 'file on the disk, with O_DIRECT for the ring', fileIn(tmpdir(), { direct: true }))
backendSuite(t, 'file without fallocate, SEEK_DATA or locks', fileIn(tmpdir(), { calls: fallbackCalls }))
if (noTmpfs === false) {
  backendSuite(t, 'file on tmpfs', fileIn(memory))
  backendSuite(t, 'file on tmpfs, with O_DIRECT for the ring', fileIn(memory, { direct: true }))
} else {
  t.test('file on tmpfs', { skip: noTmpfs }, () => undefined)
}

const specs: Record<string, (t: Test) => string> = {
  delay: () => 'delay:ms=1,op=read',
  error: () => 'error:probability=0',
  pause: () => 'pause:while=/nowhere/at/all',
  rate: () => 'rate:bytes=1G',
  checkwrite: () => 'checkwrite:readback=yes',
  record: (t) => `record:file=${imageIn(t, tmpdir())}`,
}
for (const name of Object.keys(layers)) {
  const layer = (t: Test): Layer => parseLayer(specs[name]?.(t) ?? name, { logger: silentLogger })
  backendSuite(t, `memory inside ${name}`, ({ size, t }) => layer(t)(new MemoryBackend(size)))
  backendSuite(t, `file inside ${name}`, (context) => layer(context.t)(fileIn(tmpdir())(context)))
}
