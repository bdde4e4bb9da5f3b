/**
 * The ledger can find what it looks for: an audit that never complains would make every kill test pass.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import t from 'tap'
import { audit, blockSize, readBooks, startLedger } from './ledger.js'
import { until } from './process.js'
import { sparseImage } from './ringvol.js'
import { sweep } from './sweep.js'

t.teardown(() => {
  sweep()
})

const blocks = 16

t.test('an audit is content with what was written, and finds each way to lose it', async (t) => {
  const image = sparseImage(blocks * blockSize)
  const writer = startLedger({ path: image, synchronous: false, blocks, inFlight: 4, seed: 1, firstSequence: 0 })
  await until('all blocks are written some times', () => writer.lines.length > 600)
  writer.child.kill('SIGKILL')
  await writer.ended()
  const books = readBooks(writer.lines)
  t.equal(books.acked.size, blocks)
  t.strictSame(audit(image, books), [])

  const fd = openSync(image, 'r+')
  const block = (index: number): Buffer => {
    const buffer = Buffer.alloc(blockSize)
    readSync(fd, buffer, 0, blockSize, index * blockSize)
    return buffer
  }
  const store = (buffer: Buffer, index: number): void => {
    writeSync(fd, buffer, 0, blockSize, index * blockSize)
  }
  const good = block(3)
  for (const [what, damage, complaint] of [
    ['a lost write', Buffer.alloc(blockSize), /3 is torn/],
    ['a misplaced write', block(4), /3 holds what belongs to 4/],
    ['a torn write', Buffer.concat([good.subarray(0, 512), block(4).subarray(512)]), /3 is torn/],
  ] as const) {
    store(damage, 3)
    t.match(audit(image, books)[0], complaint, what)
  }
  store(good, 3)
  const newer = { ...books, acked: new Map(books.acked).set(3, 1 << 30) }
  t.match(audit(image, newer)[0], /3 holds \d+, 1073741824 was acknowledged/, 'an older write that came back')
  closeSync(fd)
})
