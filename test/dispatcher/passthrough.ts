/**
 * Whose opens the kernel serves by itself: the loop driver's, and nobody else's.
 */
import { spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { newPassthrough, Passthrough } from '../../src/dispatcher/passthrough.js'
import { openFlag } from '../../src/protocol/abi.js'

const checked = openFlag.directIo | openFlag.parallelDirectWrites

const enabled = (): Passthrough => {
  const passthrough = new Passthrough(newPassthrough())
  passthrough.enable(7)
  return passthrough
}

t.test('without a backing id every open is checked and direct', (t) => {
  t.strictSame(new Passthrough(newPassthrough()).openFor(process.pid), { flags: checked, backingId: 0 })
  t.end()
})

t.test('a program that is not the loop driver keeps the checked path, on the same backing id', (t) => {
  const expected = { flags: openFlag.passthrough | checked, backingId: 7 }
  t.strictSame(enabled().openFor(process.pid), expected)
  t.strictSame(enabled().openFor(0), expected, 'a process of another namespace')
  t.strictSame(enabled().openFor(2 ** 22 + 1), expected, 'a process that does not exist')
  t.end()
})

t.test('losetup is passed through', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'ringvol-'))
  t.teardown(() => {
    rmSync(directory, { recursive: true })
  })
  const program = join(directory, 'losetup')
  copyFileSync('/bin/sleep', program)
  const child = spawn(program, ['60'])
  t.teardown(() => child.kill())
  await new Promise((resolve) => child.once('spawn', resolve))
  t.strictSame(enabled().openFor(child.pid ?? 0), { flags: openFlag.passthrough, backingId: 7 })
})

t.test('lanes share the backing id', (t) => {
  const memory = newPassthrough()
  const other = new Passthrough(memory)
  new Passthrough(memory).enable(3)
  t.equal(other.openFor(process.pid).backingId, 3)
  t.end()
})
