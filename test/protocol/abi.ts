/**
 * The layouts that TypeScript uses are those the C++ compiler made.
 */
import t from 'tap'
import { addon, type Addon } from '../../src/native/addon.js'
import * as typescript from '../../src/protocol/abi.js'

const load = (): Addon | undefined => {
  try {
    return addon()
  } catch {
    return undefined
  }
}

const native = load()?.abi

t.test(
  'every offset, size, opcode and flag is what the addon says',
  { skip: native === undefined && 'the addon is not built' },
  (t) => {
    const flat = Object.entries(typescript).flatMap(([group, fields]) =>
      Object.entries(fields).map(([field, value]) => [`${group}.${field}`, value as number]),
    )
    t.ok(flat.length > 150, 'there is something to compare')
    t.strictSame(Object.fromEntries(flat), native)
    t.end()
  },
)

t.test('fields lie inside their structs, and structs end on a multiple of 8', (t) => {
  for (const [group, fields] of Object.entries(typescript)) {
    if (!('bytes' in fields)) continue
    t.equal(fields.bytes % 8, 0, `${group} is a multiple of 8 bytes`)
    for (const [field, offset] of Object.entries(fields)) {
      if (field !== 'bytes') t.ok(offset < fields.bytes, `${group}.${field} is inside`)
    }
  }
  t.end()
})
