/**
 * The edges of the volume: at, across and past its end, nothing at all, and the largest offset there is.
 *
 * What reaches the backend is recorded, because the contract promises it that no range leaves the volume and no length
 * is 0.
 */
import t from 'tap'
import { type Backend, type Extent, limit } from '../../src/backend/backend.js'
import { setattrIn, setattrValid } from '../../src/protocol/abi.js'
import { fakeBackend, fakeFile, hex, hex32, hex64, message, Server, volumeSize } from './fake-lane.js'

const largest = 2n ** 63n - 1n

/** A WRITE brings as much data as it announces, up to what a slot holds, unless told otherwise. */
const transfer = (
  opcode: 'READ' | 'WRITE',
  offset: number | bigint,
  size: number,
  brings = opcode === 'WRITE' ? Math.min(size, 64 * 1024) : 0,
): Buffer => {
  const words = hex(`${hex64(0)} ${hex64(offset)} ${hex32(size)} ${hex32(0)} ${hex64(0)} ${hex64(0)}`)
  return message(opcode, Buffer.concat([words, Buffer.alloc(brings, 0x57)]))
}
const fallocate = (mode: number, offset: number | bigint, length: number | bigint): Buffer =>
  message('FALLOCATE', `${hex64(0)} ${hex64(offset)} ${hex64(length)} ${hex32(mode)} ${hex32(0)}`)
const lseek = (whence: number, offset: number | bigint): Buffer =>
  message('LSEEK', `${hex64(0)} ${hex64(offset)} ${hex32(whence)} ${hex32(0)}`)

/** A backend that only notes its calls, and a server over it. */
const recording = (changes: Partial<Backend> = {}, readOnly = false): { server: Server; calls: string[] } => {
  const calls: string[] = []
  const note =
    (what: string) =>
    (offset: number, length: number): void =>
      void calls.push(`${what} [${String(offset)} +${String(length)})`)
  const backend = fakeBackend({
    read: (target, offset) => {
      note('read')(offset, target.fill(0x52).length)
    },
    write: (source, offset) => {
      note('write')(offset, source.length)
    },
    flush: () => void calls.push('flush'),
    trim: note('trim'),
    zero: note('zero'),
    allocate: note('allocate'),
    ...changes,
  })
  return { server: new Server(backend, { readOnly }), calls }
}

t.test('a read ends at the end of the volume', (t) => {
  const cases: readonly (readonly [bigint | number, number, number])[] = [
    [0, 512, 512],
    [volumeSize - 512, 512, 512],
    [volumeSize - 512, 4096, 512],
    [volumeSize - 1, 65536, 1],
    [volumeSize, 4096, 0],
    [volumeSize + 1, 4096, 0],
    [2n ** 53n, 4096, 0],
    [largest, 4096, 0],
    [0, 0, 0],
    [largest, 0, 0],
  ]
  for (const [offset, size, expected] of cases) {
    const { server, calls } = recording()
    const answer = expected === 0 ? 'reply' : `reply ${'52'.repeat(expected)}`
    t.equal(server.ask(transfer('READ', offset, size)), answer, `${String(size)} bytes at ${String(offset)}`)
    t.strictSame(calls, expected === 0 ? [] : [`read [${String(offset)} +${String(expected)})`])
    const file = new Server(fakeBackend({ file: fakeFile }))
    t.equal(
      file.ask(transfer('READ', offset, size)),
      expected === 0 ? 'reply' : `readFile [${String(offset)} +${String(expected)})`,
      'with a file',
    )
  }
  t.end()
})

t.test('a write across the end stores what fits and says so; one that begins there is ENOSPC', (t) => {
  const cases: readonly (readonly [bigint | number, number, number | 'ENOSPC'])[] = [
    [0, 512, 512],
    [volumeSize - 512, 512, 512],
    [volumeSize - 512, 4096, 512],
    [volumeSize - 1, 65536, 1],
    [volumeSize, 1, 'ENOSPC'],
    [volumeSize + 4096, 4096, 'ENOSPC'],
    [2n ** 53n, 4096, 'ENOSPC'],
    [largest, 4096, 'ENOSPC'],
    [0, 0, 0],
    [volumeSize, 0, 0],
    [largest, 0, 0],
  ]
  for (const [offset, size, stored] of cases) {
    const what = `${String(size)} bytes at ${String(offset)}`
    const { server, calls } = recording()
    const answer = stored === 'ENOSPC' ? stored : `reply ${hex32(stored)}00000000`
    t.equal(server.ask(transfer('WRITE', offset, size)), answer, what)
    t.strictSame(calls, typeof stored === 'string' || stored === 0 ? [] : [`write [${String(offset)} +${String(stored)})`]) // prettier-ignore
    const file = new Server(fakeBackend({ file: fakeFile }))
    const row = typeof stored === 'number' && stored > 0 ? `writeFile [${String(offset)} +${String(stored)})` : answer
    t.equal(file.ask(transfer('WRITE', offset, size)), row, `${what}, with a file`)
  }
  t.end()
})

t.test('a read larger than a slot is EINVAL', (t) => {
  const { server, calls } = recording()
  t.equal(server.ask(transfer('READ', 0, 64 * 1024 + 1)), 'EINVAL')
  t.equal(server.ask(transfer('READ', 0, 0xffffffff)), 'EINVAL')
  t.strictSame(calls, [])
  t.end()
})

t.test(
  'a write that announces more than it brings is EIO and stores nothing, least of all what lay there before',
  (t) => {
    for (const file of [undefined, fakeFile]) {
      const { server, calls } = recording(file === undefined ? {} : { file })
      t.equal(server.ask(transfer('WRITE', 0, 4096, 4095)), 'EIO')
      t.equal(server.ask(transfer('WRITE', 0, 1, 0)), 'EIO')
      t.equal(server.ask(transfer('WRITE', 0, 0xffffffff)), 'EIO')
      t.equal(server.ask(transfer('WRITE', 0, 64 * 1024 + 1)), 'EIO')
      t.strictSame(calls, [])
    }
    t.end()
  },
)

t.test('a read-only volume refuses what changes it, and a barrier there has nothing to do', (t) => {
  const { server, calls } = recording({}, true)
  t.equal(server.ask(transfer('WRITE', 0, 4096)), 'EROFS')
  for (const mode of [0, 1, 3, 16, 17]) t.equal(server.ask(fallocate(mode, 0, 4096)), 'EROFS', `mode ${String(mode)}`)
  t.equal(server.ask(message('FSYNC', Buffer.alloc(16))), 'reply')
  t.equal(server.ask(message('FLUSH', Buffer.alloc(24))), 'reply')
  t.strictSame(calls, [])
  t.end()
})

t.test('a barrier reaches the backend once, or not at all where nothing can be made durable', (t) => {
  const { server, calls } = recording()
  for (const [opcode, bytes] of [
    ['FSYNC', 16],
    ['FLUSH', 24],
    ['SYNCFS', 8],
  ] as const) {
    t.equal(server.ask(message(opcode, Buffer.alloc(bytes))), 'reply', opcode)
  }
  t.strictSame(calls, ['flush', 'flush', 'flush'])
  const can = { ...fakeBackend().can, flush: false }
  const volatile = recording({ can })
  t.equal(volatile.server.ask(message('FSYNC', Buffer.alloc(16))), 'reply')
  t.equal(new Server(fakeBackend({ can, file: fakeFile })).ask(message('FSYNC', Buffer.alloc(16))), 'reply')
  t.strictSame(volatile.calls, [])
  t.end()
})

/** fallocate(2): 0 allocates, 1 KEEP_SIZE, 2 PUNCH_HOLE, 8 COLLAPSE_RANGE, 16 ZERO_RANGE, 32 INSERT_RANGE. */
t.test('fallocate punches, zeroes and allocates within the volume', (t) => {
  const size = volumeSize
  const cases: readonly (readonly [number, bigint | number, bigint | number, string, string?])[] = [
    [3, 4096, 4096, 'reply', 'trim [4096 +4096)'],
    [3, 0, size, 'reply', `trim [0 +${String(size)})`],
    [3, size - 512, 4096, 'reply', `trim [${String(size - 512)} +512)`],
    [3, size, 4096, 'reply'],
    [3, largest, 4096, 'reply'],
    [3, 0, largest, 'reply', `trim [0 +${String(size)})`],
    [16, 4096, 4096, 'reply', 'zero [4096 +4096)'],
    [17, 4096, 4096, 'reply', 'zero [4096 +4096)'],
    [16, size - 512, 4096, 'ENOSPC'],
    [17, size - 512, 4096, 'reply', `zero [${String(size - 512)} +512)`],
    [17, size, 4096, 'reply'],
    [0, 0, size, 'reply', `allocate [0 +${String(size)})`],
    [1, 4096, 4096, 'reply', 'allocate [4096 +4096)'],
    [0, 0, size + 1, 'ENOSPC'],
    [1, size, 4096, 'ENOSPC'],
    [0, largest, 4096, 'ENOSPC'],
    [0, 0, 0, 'reply'],
    [2, 0, 4096, 'EOPNOTSUPP'],
    [8, 0, 4096, 'EOPNOTSUPP'],
    [19, 0, 4096, 'EOPNOTSUPP'],
    [32, 0, 4096, 'EOPNOTSUPP'],
  ]
  for (const [mode, offset, length, answer, call] of cases) {
    const { server, calls } = recording()
    t.equal(server.ask(fallocate(mode, offset, length)), answer, `mode ${String(mode)} at ${String(offset)}`)
    t.strictSame(calls, call === undefined ? [] : [call])
  }
  t.end()
})

t.test('what the backend cannot do is EOPNOTSUPP, so that the caller finds another way', (t) => {
  const none = { write: true, flush: true, trim: false, zero: false, extents: false, lanes: false }
  const { server, calls } = recording({ can: none })
  t.equal(server.ask(fallocate(3, 0, 4096)), 'EOPNOTSUPP')
  t.equal(server.ask(fallocate(16, 0, 4096)), 'EOPNOTSUPP')
  t.equal(server.ask(fallocate(0, 0, 4096)), 'reply')
  t.strictSame(calls, ['allocate [0 +4096)'])
  t.end()
})

const seekable = (extents: Backend['extents']): Server =>
  new Server(fakeBackend(extents === undefined ? {} : { extents }))

/** 64 KiB of data at 128 KiB; the rest a hole, but for zeros that take space at the end. */
const layout: readonly Extent[] = [
  { offset: 0, length: 131072, kind: 'hole' },
  { offset: 131072, length: 65536, kind: 'data' },
  { offset: 196608, length: volumeSize - 196608 - 4096, kind: 'hole' },
  { offset: volumeSize - 4096, length: 4096, kind: 'zero' },
]
const cut = (offset: number, length: number): Extent[] =>
  layout.flatMap((extent) => {
    const start = Math.max(offset, extent.offset)
    const end = Math.min(offset + length, extent.offset + extent.length)
    return start < end ? [{ offset: start, length: end - start, kind: extent.kind }] : []
  })

const seekCases: readonly (readonly [3 | 4, bigint | number, number | 'ENXIO'])[] = [
  [3, 0, 131072],
  [3, 131072, 131072],
  [3, 131073, 131073],
  [3, 196607, 196607],
  [3, 196608, 'ENXIO'],
  [3, volumeSize - 1, 'ENXIO'],
  [4, 0, 0],
  [4, 131072, 196608],
  [4, 150000, 196608],
  [4, volumeSize - 1, volumeSize - 1],
  [3, volumeSize, 'ENXIO'],
  [4, volumeSize, 'ENXIO'],
  [4, largest, 'ENXIO'],
]

t.test('lseek finds data and holes; zeros that take space are no data', async (t) => {
  for (const [whence, offset, found] of seekCases) {
    const answer = found === 'ENXIO' ? found : `reply ${hex64(found)}`
    t.equal(await seekable(cut).answer(lseek(whence, offset)), answer, `${String(whence)} from ${String(offset)}`)
  }
  t.equal(await seekable(cut).answer(lseek(0, 0)), 'EINVAL', 'SEEK_SET is the kernel’s')
  t.equal(await seekable(cut).answer(lseek(5, 0)), 'EINVAL', 'no such whence')
})

t.test('a backend that tells one extent at a time is asked until the end', async (t) => {
  const oneAtATime = (offset: number, length: number): Extent[] => cut(offset, length).slice(0, 1)
  for (const [whence, offset, found] of seekCases) {
    const answer = found === 'ENXIO' ? found : `reply ${hex64(found)}`
    t.equal(
      await seekable(oneAtATime).answer(lseek(whence, offset)),
      answer,
      `${String(whence)} from ${String(offset)}`,
    )
  }
})

t.test('without extents all is data, and the end is the hole', async (t) => {
  const can = { ...fakeBackend().can, extents: false }
  const server = (): Server => new Server(fakeBackend({ can }))
  t.equal(await server().answer(lseek(3, 4096)), `reply ${hex64(4096)}`)
  t.equal(await server().answer(lseek(4, 4096)), `reply ${hex64(volumeSize)}`)
  t.equal(await server().answer(lseek(3, volumeSize)), 'ENXIO')
})

t.test('offsets beyond 4 GiB and 2^52 reach the backend exactly', (t) => {
  const size = 2 ** 53 - 512
  for (const offset of [2 ** 32, 2 ** 32 + 4096, 2 ** 52, size - 512]) {
    const { server, calls } = recording({ size })
    server.ask(transfer('READ', offset, 512))
    t.strictSame(calls, [`read [${String(offset)} +512)`])
  }
  t.end()
})

/** struct fuse_setattr_in with these fields set. */
const setattr = (
  fields: Partial<Record<'valid' | 'size' | 'mode' | 'uid' | 'gid' | 'mtime' | 'mtimensec', number>>,
): Buffer => {
  // prettier-ignore
  const body = Buffer.alloc(setattrIn.bytes)
  for (const [field, value] of Object.entries(fields) as [keyof typeof setattrIn, number][]) {
    if (field === 'size' || field === 'mtime') body.writeBigInt64LE(BigInt(value), setattrIn[field])
    else body.writeUInt32LE(value, setattrIn[field])
  }
  return message('SETATTR', body)
}

t.test('opening with O_TRUNC succeeds and the size stays; any other change of size is EPERM', (t) => {
  const { server } = recording()
  const keeps = /^reply .{32}0200000000000000 ?0000100000000000/
  t.match(server.ask(setattr({ valid: setattrValid.size, size: 0 })), keeps, 'O_TRUNC: size 0, no handle')
  t.match(server.ask(setattr({ valid: setattrValid.size, size: volumeSize })), keeps, 'to the size it has')
  t.match(server.ask(setattr({ valid: setattrValid.size | setattrValid.fh, size: volumeSize })), keeps, 'by handle')
  t.equal(server.ask(setattr({ valid: setattrValid.size | setattrValid.fh, size: 0 })), 'EPERM', 'ftruncate to 0')
  t.equal(server.ask(setattr({ valid: setattrValid.size, size: 4096 })), 'EPERM')
  t.equal(server.ask(setattr({ valid: setattrValid.size, size: volumeSize + 1 })), 'EPERM')
  t.end()
})

t.test('chmod, chown and utimes are seen by the next stat, and only what was named changes', (t) => {
  const { server } = recording()
  const { mode, uid, gid, mtime, mtimeNow } = setattrValid
  server.ask(setattr({ valid: mode, mode: 0o100640 }))
  t.equal(server.attributes.get('mode'), 0o640)
  server.ask(setattr({ valid: uid, uid: 0xfffffffe, gid: 7 }))
  t.equal(server.attributes.get('uid'), 0xfffffffe)
  t.equal(server.attributes.get('gid'), 1001)
  server.ask(setattr({ valid: gid, gid: 7 }))
  t.equal(server.attributes.get('gid'), 7)
  server.ask(setattr({ valid: mtime, mtime: 1000, mtimensec: 500_000_000 }))
  t.equal(server.attributes.get('mtime'), 1_000_500)
  server.ask(setattr({ valid: mtime, mtime: -1, mtimensec: 250_000_000 }))
  const stat = Buffer.from(server.ask(message('GETATTR', Buffer.alloc(16))).replace('reply ', ''), 'hex')
  t.equal(stat.readBigInt64LE(16 + 32), -1n, 'a time before 1970 comes back as it went in')
  t.equal(stat.readUInt32LE(16 + 52), 250_000_000)
  const before = Date.now()
  server.ask(setattr({ valid: mtime | mtimeNow, mtime: 1 }))
  t.ok(server.attributes.get('mtime') >= before, 'now is now')
  t.end()
})

t.test('a write moves the times that the next stat shows, a read does not', (t) => {
  const { server } = recording()
  const before = server.attributes.get('mtime')
  server.ask(transfer('READ', 0, 512))
  server.ask(message('GETATTR', Buffer.alloc(16)))
  t.equal(server.attributes.get('mtime'), before)
  server.ask(transfer('WRITE', 0, 512))
  server.ask(message('GETATTR', Buffer.alloc(16)))
  t.ok(server.attributes.get('mtime') > before)
  t.equal(server.attributes.get('ctime'), server.attributes.get('mtime'))
  t.end()
})

t.test('what a file has lost is EIO, also the part of a request that reaches into it; the rest goes on', (t) => {
  const limits = new Float64Array(3).fill(Infinity)
  const server = new Server(fakeBackend({ file: { ...fakeFile, limits } }))
  t.match(server.ask(transfer('READ', volumeSize - 4096, 4096)), /readFile/)
  limits[limit.read] = limits[limit.write] = volumeSize - 4096
  for (const opcode of ['READ', 'WRITE'] as const) {
    t.match(server.ask(transfer(opcode, volumeSize - 4096, 4096)), /EIO/, `${opcode} behind the end`)
    t.match(server.ask(transfer(opcode, volumeSize - 8192, 8192)), /EIO/, `${opcode} across it`)
    t.match(server.ask(transfer(opcode, volumeSize - 8192, 4096)), /File/, `${opcode} up to it`)
  }
  t.end()
})

t.test('a file without a name is read on; its writes and flushes are EIO', (t) => {
  const limits = new Float64Array(3).fill(Infinity)
  const server = new Server(fakeBackend({ file: { ...fakeFile, limits } }))
  t.match(server.ask(message('FSYNC', Buffer.alloc(16))), /syncFile/)
  limits[limit.write] = limits[limit.flush] = 0
  t.match(server.ask(message('FSYNC', Buffer.alloc(16))), /EIO/)
  t.match(server.ask(transfer('WRITE', 0, 512)), /EIO/)
  t.match(server.ask(transfer('READ', 0, 512)), /readFile/)
  t.match(server.ask(message('FLUSH', Buffer.alloc(24))), /syncFile/, 'who only read closes without an error')
  t.end()
})
