/**
 * INIT, byte for byte, as kernels of several ages send it and want it answered.
 *
 * The hex is written from the layout in <linux/fuse.h>, not through the offsets of abi.ts.
 */
import t from 'tap'
import { initFlag, protocol } from '../../src/protocol/abi.js'
import {
  buildInit,
  buildVersionOnly,
  hasFlag,
  initOutSize,
  parseInit,
  takeFlags,
  type InitRequest,
} from '../../src/protocol/init.js'

const hex = (text: string): Buffer => Buffer.from(text.replace(/#.*$/gm, '').replace(/\s+/g, ''), 'hex')

/** struct fuse_in_header with this length in front of the words that follow it. */
const init = (body: string): Buffer => {
  const bytes = hex(body)
  const header = hex(`
    00000000 # len, set below
    1a000000 # opcode: INIT
    0200000000000000 # unique
    0000000000000000 # nodeid
    00000000 00000000 00000000 00000000 # uid, gid, pid, total_extlen`)
  header.writeUInt32LE(header.length + bytes.length)
  return Buffer.concat([header, bytes])
}

t.test('the 64 bytes of 7.36 and later, with both flag words', (t) => {
  const request = parseInit(
    init(`
      07000000 2d000000 # 7.45
      00000200 # max_readahead
      fbffff73 # flags: all below 2^30 but ATOMIC_O_TRUNC's bit 2, and INIT_EXT
      ff030000 # flags2: bits 32 to 41
      ${'00000000'.repeat(11)}`),
  )
  t.strictSame(request, { unique: 2n, major: 7, minor: 45, flags: 0x73fffffb + 0x3ff * 2 ** 32 })
  t.ok(hasFlag(request.flags, initFlag.overIoUring), 'bit 41 is seen')
  t.notOk(hasFlag(request.flags, 4), 'a bit that is not set is not seen')
  t.end()
})

t.test('the 16 bytes up to 7.35', (t) => {
  const request = parseInit(init('07000000 1f000000 00000200 fbff7f00'))
  t.strictSame(request, { unique: 2n, major: 7, minor: 31, flags: 0x007ffffb })
  t.end()
})

t.test('INIT_EXT on 16 bytes promises a second word that is not there', (t) => {
  const request = parseInit(init('07000000 1f000000 00000200 00000040'))
  t.equal(request.flags, initFlag.initExt)
  t.end()
})

t.test('a second word without INIT_EXT means nothing', (t) => {
  const request = parseInit(init(`07000000 24000000 00000200 01000000 ffffffff ${'00000000'.repeat(11)}`))
  t.equal(request.flags, 1)
  t.end()
})

t.test('what a shorter message leaves out counts as zero', (t) => {
  t.strictSame(parseInit(init('07000000 04000000')), { unique: 2n, major: 7, minor: 4, flags: 0 })
  t.strictSame(parseInit(init('07000000 05000000 00000200')), { unique: 2n, major: 7, minor: 5, flags: 0 })
  t.strictSame(parseInit(init('07000000 24000000 00000200 01000040')), { unique: 2n, major: 7, minor: 36, flags: 0x40000001 }) // prettier-ignore
  t.end()
})

t.test('what a newer kernel appends is passed over', (t) => {
  const request = parseInit(init(`07000000 63000000 00000200 01000000 ${'ffffffff'.repeat(60)}`))
  t.strictSame(request, { unique: 2n, major: 7, minor: 99, flags: 1 })
  t.end()
})

t.test('flags of kernels to come do not blur those that are known', (t) => {
  // Above 2^53 a number is no longer exact in its low bits: with all of flags2 set, bit 0 must still be read truly.
  const all = (low: string): number =>
    parseInit(init(`07000000 63000000 00000200 ${low} ffffffff ${'00000000'.repeat(11)}`)).flags
  for (const flag of Object.values(initFlag)) {
    if (flag >= 2 ** 32) t.ok(hasFlag(all('00000040'), flag), `flag ${String(flag)} is seen`)
  }
  t.ok(hasFlag(all('01000040'), initFlag.asyncRead))
  t.notOk(hasFlag(all('00000040'), initFlag.asyncRead))
  t.notOk(hasFlag(all('feffff7f'), initFlag.asyncRead), 'all the others are set, and it is not')
  t.end()
})

t.test('an older and a newer major are told as they are', (t) => {
  t.equal(parseInit(init('06000000 00000000')).major, 6)
  t.equal(parseInit(init(`08000000 00000000 00000200 00000000 ${'00000000'.repeat(12)}`)).major, 8)
  t.end()
})

t.test('anything that is no INIT is refused', (t) => {
  const truncated = init('07000000')
  const read = init('07000000 2d000000')
  read.writeUInt32LE(15, 4)
  for (const message of [truncated, read, Buffer.alloc(0), Buffer.alloc(39), Buffer.alloc(200)]) {
    t.throws(() => parseInit(message), { code: 'ERR_PROTOCOL' })
  }
  t.end()
})

const request = (minor: number): InitRequest => ({ unique: 0x1122334455667788n, major: 7, minor, flags: 0 })
const answer = {
  flags: initFlag.asyncRead + initFlag.maxPages + initFlag.initExt + initFlag.overIoUring,
  maxWrite: 1024 * 1024,
  maxPages: 256,
  maxStackDepth: 1,
  maxBackground: 65535,
}

/** struct fuse_out_header: length, no error, the request's number. */
const head = (length: string): string => `${length}000000 00000000 8877665544332211`
const upTo23 = `
  00001000 # max_readahead
  01004040 # flags: ASYNC_READ, MAX_PAGES, INIT_EXT
  ffff ffff # max_background, congestion_threshold
  00001000 # max_write`

t.test('a kernel of today gets 64 bytes', (t) => {
  const expected = hex(`
    ${head('50')}
    07000000 2d000000 # 7.45
    ${upTo23}
    01000000 # time_gran: 1 ns
    0001 0000 # max_pages, map_alignment
    00020000 # flags2: OVER_IO_URING is bit 41
    01000000 # max_stack_depth
    0000 0000 # request_timeout
    ${'0000'.repeat(10)}`)
  t.equal(buildInit(request(45), answer).toString('hex'), expected.toString('hex'))
  t.end()
})

t.test('a kernel newer than the layouts here is answered with the minor that is known', (t) => {
  const reply = buildInit(request(99), answer)
  t.equal(reply.length, 16 + 64)
  t.equal(reply.readUInt32LE(16 + 4), protocol.minor)
  t.end()
})

t.test('a kernel before 7.23 gets 24 bytes: more is EINVAL there', (t) => {
  const expected = hex(`${head('28')} 07000000 16000000 ${upTo23}`)
  t.equal(buildInit(request(22), answer).toString('hex'), expected.toString('hex'))
  t.end()
})

t.test('a kernel before 7.5 gets 8 bytes', (t) => {
  t.equal(buildInit(request(4), answer).toString('hex'), hex(`${head('18')} 07000000 04000000`).toString('hex'))
  t.end()
})

t.test('the size of the answer follows the minor', (t) => {
  t.strictSame([0, 4, 5, 22, 23, 31, 45].map(initOutSize), [8, 8, 24, 24, 64, 64, 64])
  t.end()
})

t.test('a kernel with a newer major gets the version that is spoken here, and nothing else', (t) => {
  const reply = buildVersionOnly({ ...request(0), major: 8 })
  const expected = hex(`${head('50')} 07000000 2d000000 ${'00000000'.repeat(14)}`)
  t.equal(reply.toString('hex'), expected.toString('hex'))
  t.end()
})

t.test('only flags that were offered are taken', (t) => {
  const wanted = [initFlag.asyncRead, initFlag.maxPages, initFlag.overIoUring]
  t.equal(takeFlags(0, wanted), 0)
  t.equal(takeFlags(initFlag.asyncRead + initFlag.passthrough, wanted), initFlag.asyncRead)
  t.equal(takeFlags(2 ** 53 - 1, wanted), initFlag.asyncRead + initFlag.maxPages + initFlag.overIoUring)
  t.end()
})
