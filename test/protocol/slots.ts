/**
 * The cursor over both layouts: one message in a piece, as /dev/fuse has it, and header, arguments and payload apart.
 */
import t, { type Test } from 'tap'
import type { SlotLayout } from '../../src/native/addon.js'
import { inHeader } from '../../src/protocol/abi.js'
import { SlotCursor } from '../../src/protocol/slots.js'

const payloadStride = 8192
const payloadOffset = 8192
const layouts: Readonly<Record<string, SlotLayout>> = {
  'in one message': {
    slots: 3,
    headerOffset: payloadOffset - 80,
    headerStride: payloadStride,
    argumentsOffset: payloadOffset - 40,
    argumentsStride: payloadStride,
    payloadOffset,
    payloadStride,
    dataFollowsArguments: true,
  },
  'with header, arguments and payload apart': {
    slots: 3,
    headerOffset: 0,
    headerStride: 512,
    argumentsOffset: 128,
    argumentsStride: 512,
    payloadOffset,
    payloadStride,
    dataFollowsArguments: false,
  },
}

const each = (name: string, body: (t: Test, slab: Buffer, cursor: SlotCursor, layout: SlotLayout) => void): void => {
  for (const [where, layout] of Object.entries(layouts)) {
    t.test(`${name}, ${where}`, (t) => {
      const memory = new ArrayBuffer(payloadOffset + 3 * payloadStride)
      body(t, Buffer.from(memory).fill(0xee), new SlotCursor(memory, layout), layout)
      t.end()
    })
  }
}

each('header fields are read where they lie, in every slot', (t, slab, cursor, layout) => {
  for (const slot of [0, 2, 1]) {
    const at = layout.headerOffset + slot * layout.headerStride
    const header = `38000000 0f000000 0${String(slot)}00000001000000 0200000000000000 e8030000 e9030000 2c030000 00000000`
    Buffer.from(header.replaceAll(' ', ''), 'hex').copy(slab, at)
    cursor.moveTo(slot)
    t.equal(cursor.slot, slot)
    t.equal(cursor.opcode, 15)
    t.equal(cursor.unique, 2 ** 32 + slot)
    t.equal(cursor.nodeid, 2)
    t.equal(cursor.header(inHeader.len), 56)
    t.equal(cursor.header(inHeader.uid), 1000)
    t.equal(cursor.header(inHeader.gid), 1001)
    t.equal(cursor.header(inHeader.pid), 812)
  }
})

each('64-bit fields are exact to 2^53, and beyond it they compare as past any end', (t, slab, cursor, layout) => {
  const at = layout.argumentsOffset + layout.argumentsStride
  cursor.moveTo(1)
  for (const value of [0n, 1n, 4096n, 2n ** 31n, 2n ** 32n, 2n ** 32n + 1n, 2n ** 52n + 1n, 2n ** 53n - 1n]) {
    slab.writeBigUInt64LE(value, at + 8)
    t.equal(cursor.u64(8), Number(value), String(value))
    t.equal(cursor.i64(8), Number(value), `${String(value)} signed`)
  }
  for (const value of [2n ** 53n, 2n ** 63n - 1n, 2n ** 64n - 1n]) {
    slab.writeBigUInt64LE(value, at + 8)
    t.ok(cursor.u64(8) > Number.MAX_SAFE_INTEGER, String(value))
  }
  for (const value of [-1n, -(2n ** 32n), -1_600_000_000n, -(2n ** 52n)]) {
    slab.writeBigInt64LE(value, at + 8)
    t.equal(cursor.i64(8), Number(value), String(value))
  }
  slab.writeUInt32LE(0xffffffff, at + 16)
  t.equal(cursor.u32(16), 0xffffffff, '32 bits are unsigned')
})

each('reply fields are written little-endian at the payload, and nowhere else', (t, slab, cursor, layout) => {
  cursor.moveTo(1)
  cursor.clearReply(40)
  cursor.put32(0, 0xffffffff)
  cursor.put32(4, -1)
  cursor.put64(8, 2 ** 53 - 1)
  cursor.put64(16, -2)
  cursor.put16(24, 0x18180)
  cursor.putText(26, 'volume')
  const start = layout.payloadOffset + layout.payloadStride
  t.equal(
    slab.subarray(start, start + 40).toString('hex'),
    'ffffffff' + 'ffffffff' + 'ffffffffffff1f00' + 'feffffffffffffff' + '8081' + '766f6c756d65' + '0000000000000000',
  )
  t.equal(slab[start - 1], 0xee)
  t.equal(slab[start + 40], 0xee)
})

each('clearing a later part of the reply leaves what stands before it', (t, slab, cursor, layout) => {
  cursor.moveTo(0).clearReply(8, 16)
  const start = layout.payloadOffset
  t.equal(slab.subarray(start + 12, start + 28).toString('hex'), 'eeeeeeee' + '00'.repeat(8) + 'eeeeeeee')
})

each('the payload is the slot’s own memory', (t, slab, cursor, layout) => {
  const payload = cursor.moveTo(2).payload(4096)
  t.equal(payload.length, 4096)
  payload.fill(0x11)
  const start = layout.payloadOffset + 2 * layout.payloadStride
  t.ok(slab.subarray(start, start + 4096).every((byte) => byte === 0x11))
})

/** Puts a name behind an argument struct of so many bytes. */
const putName = (slab: Buffer, layout: SlotLayout, argumentBytes: number, name: Buffer): void => {
  slab.writeUInt32LE(inHeader.bytes + argumentBytes + name.length, layout.headerOffset)
  name.copy(slab, layout.dataFollowsArguments ? layout.argumentsOffset + argumentBytes : layout.payloadOffset)
}

each('names end at their NUL, wherever the transport puts them', (t, slab, cursor, layout) => {
  for (const name of ['', 'volume', 'with blank', 'ünïcödé', 'x'.repeat(255)]) {
    for (const argumentBytes of [0, 8]) {
      putName(slab, layout, argumentBytes, Buffer.from(`${name}\0`))
      t.equal(cursor.moveTo(0).name(argumentBytes), name)
    }
  }
})

each(
  'what does not end at its one NUL is no name, whatever stands behind it in the slot',
  (t, slab, cursor, layout) => {
    for (const bytes of ['', 'volume', 'vol\0ume\0', 'volume\0\0', `${'x'.repeat(1025)}\0`]) {
      slab.fill(0)
      putName(slab, layout, 0, Buffer.from(bytes))
      t.equal(cursor.moveTo(0).name(0), undefined, JSON.stringify(bytes))
    }
    for (const length of [0, inHeader.bytes, 0xffffffff]) {
      slab.writeUInt32LE(length, layout.headerOffset)
      t.equal(cursor.moveTo(0).name(0), undefined, `a message of ${String(length)} bytes`)
    }
  },
)
