/**
 * Trace lines: the grammar of docs/debugging.md, and that each plane is switched alone.
 */
import t from 'tap'
import { parseTracePlanes, type TracePlane } from '../../src/dispatcher/trace.js'
import { fakeBackend, fakeFile, hex64, message, Server } from './fake-lane.js'

const requests = [
  message('LOOKUP', Buffer.from('other\0'), { nodeid: 1, unique: 0x12 }),
  message('READ', `${hex64(0)} ${hex64(4096)} 00020000 00000000 ${hex64(0)} ${hex64(0)}`, { unique: 0x14 }),
  message('WRITE', `${hex64(0)} ${hex64(8192)} 04000000 00000000 ${hex64(0)} ${hex64(0)} 01020304`, { unique: 0x16 }),
  message('FALLOCATE', `${hex64(0)} ${hex64(0)} ${hex64(4096)} 03000000 00000000`, { unique: 0x18 }),
  message('FORGET', hex64(1), { unique: 0 }),
  message(4096, '', { unique: 0x1a }),
]

const control = [
  "rx 18: LOOKUP s0 i1 'other' p812",
  'tx s0: ENOENT',
  'rx 0: FORGET s4 i2 p812',
  'tx s4: no answer',
  'rx 26: UNKNOWN s5 i2 p812',
  'tx s5: ENOSYS',
]
const data = [
  'rx 20: READ s1 i2 [4096 +512) p812',
  'tx s1: OK 512b',
  'rx 22: WRITE s2 i2 [8192 +4) p812',
  'tx s2: OK 8b',
  'rx 24: FALLOCATE s3 i2 [0 +4096) mode 3 p812',
  'tx s3: OK 0b',
]
const both = [...control.slice(0, 2), ...data, ...control.slice(2)]

const traced = (planes: readonly TracePlane[], file: boolean): string[] => {
  const server = new Server(fakeBackend(file ? { file: fakeFile } : {}), { trace: planes })
  server.batch(requests)
  return server.traced
}

t.test('a request and its answer are a line each, in the plane of the request', (t) => {
  t.strictSame(traced(['control'], false), control)
  t.strictSame(traced(['data'], false), data)
  t.strictSame(traced(['control', 'data'], false), both)
  t.strictSame(traced([], false), [])
  t.end()
})

t.test('what the ring does with the file is said instead of an answer', (t) => {
  const lines = traced(['data'], true)
  t.equal(lines[1], 'tx s1: read-file [4096 +512)')
  t.equal(lines[3], 'tx s2: write-file [8192 +4)')
  t.end()
})

t.test('an answer that comes later is traced when it comes', async (t) => {
  const server = new Server(fakeBackend({ read: () => Promise.resolve() }), { trace: ['data'] })
  await server.answer(requests[1] ?? Buffer.alloc(0))
  t.strictSame(server.traced, ['rx 20: READ s0 i2 [4096 +512) p812', 'tx s0: OK 512b'])
})

t.test('RINGVOL_TRACE names planes; words it does not know are ignored', (t) => {
  t.strictSame(parseTracePlanes('control'), ['control'])
  t.strictSame(parseTracePlanes('data,control'), ['data', 'control'])
  t.strictSame(parseTracePlanes('data,everything'), ['data'])
  t.strictSame(parseTracePlanes(''), [])
  t.strictSame(parseTracePlanes(undefined), [])
  t.end()
})
