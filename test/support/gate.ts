/**
 * The gate at the end of every file of root tests finds what the kernel complained about, and blames no test for what
 * happened on a device before it had it or after.
 */
import t from 'tap'
import { complaintsIn } from './kernel-log.js'

const mark = 'is of ringvol-test-1-abc'
const given = (name: string): string => `[1.0] ${name}: detected capacity change from 0 to 2048`
const mine = (name: string): string => `[1.1] ringvol test: ${name} ${mark}`
const stranger = (name: string): string => `[1.1] ringvol test: ${name} is of ringvol-test-2-def`
const failed = (name: string): string => `[2.0] I/O error, dev ${name}, sector 0 op 0x1:(WRITE) flags 0x800`

t.test('every kind of complaint on a device of the test counts', (t) => {
  for (const complaint of [
    failed('loop1'),
    '[2.0] operation not supported error, dev loop1, sector 8 op 0x9:(WRITE_ZEROES) flags 0x800',
    '[2.0] Buffer I/O error on dev loop1, logical block 0, lost async page write',
    '[2.0] EXT4-fs error (device loop1): ext4_find_entry:1613: inode #2: comm ls: reading directory lblock 0',
    '[2.0] XFS (loop1): metadata I/O error in "xfs_read_agi+0x8f/0x140" at daddr 0x2 len 1 error 5',
  ]) {
    t.strictSame(complaintsIn([given('loop1'), mine('loop1'), complaint], mark, new Set()), [complaint])
  }
  t.end()
})

t.test('what names no loop device always counts', (t) => {
  const lines = [
    '[2.0] INFO: task dd:77 blocked for more than 120 seconds.',
    '[2.0] WARNING: CPU: 0 PID: 77 at fs/fuse/dev.c:2000 fuse_dev_do_write+0x1/0x2',
    '[2.0] BUG: kernel NULL pointer dereference, address: 0000000000000010',
  ]
  t.strictSame(complaintsIn(lines, mark, new Set()), lines)
  t.strictSame(complaintsIn(['[2.0] EXT4-fs warning: 20 callbacks suppressed'], mark, new Set()), [])
  t.end()
})

t.test('a complaint counts between the moments at which this test and another one got the device', (t) => {
  const lines = [given('loop1'), stranger('loop1'), failed('loop1')]
  t.strictSame(complaintsIn([...lines, given('loop1'), mine('loop1')], mark, new Set(['/dev/loop1'])), [], 'before')
  t.strictSame(complaintsIn([given('loop1'), mine('loop1'), ...lines], mark, new Set(['/dev/loop1'])), [], 'after')
  const early = [given('loop1'), failed('loop1'), mine('loop1')]
  t.strictSame(complaintsIn(early, mark, new Set()), [failed('loop1')], 'also before the test knew its name')
  t.end()
})

t.test('other devices do not count, and without a mark the name decides', (t) => {
  t.strictSame(complaintsIn([given('loop1'), mine('loop1'), failed('loop2')], mark, new Set(['/dev/loop1'])), [])
  t.strictSame(complaintsIn([given('loop1'), failed('loop1')], mark, new Set(['/dev/loop1'])), [failed('loop1')])
  t.strictSame(complaintsIn([given('loop1'), failed('loop1')], mark, new Set()), [])
  t.end()
})
