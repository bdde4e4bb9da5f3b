/** /proc and /sys as they are written, with the traps that their formats have. */
import t from 'tap'
import { parseMachine, parseProcess, used, type Meter } from '../../bench/meter.js'
import { parseMountinfo } from '../../bench/mounts.js'
import { volumeSize } from '../../bench/images.js'
import { formatCount, formatDuration, formatTime } from '../../bench/format.js'

t.test('a process name with blanks and parentheses does not shift the CPU figures', (t) => {
  const stat = `77 (a ) b (c) 1) S ${['1', '77', '77', '0', '-1', '4194560', '10', '0', '0', '0', '150', '50', '900', '9', '20'].join(' ')}`
  t.same(parseProcess(stat), { user: 1.5, total: 2, children: 9 })
  t.equal(parseProcess(null), null)
  t.end()
})

t.test('waiting for a disk, idling and what the host took are not CPU time of the machine', (t) => {
  t.same(parseMachine('cpu  100 0 50 9999 7777 10 20 30 5 5\ncpu0 1 2 3'), { busy: 1.8, user: 1, stolen: 0.3 })
  t.end()
})

t.test('user time that neither the daemons nor fio used belongs to others, kernel time to nobody', (t) => {
  const at = (time: number, user: number, busy: number, ours: number): Meter => ({
    time,
    machine: { busy, user, stolen: 0 },
    daemon: null,
    ours,
  })
  t.match(used(at(10, 100, 200, 50), at(13, 102, 206, 51.5)), {
    wall: 3,
    machineCpu: 6,
    foreignCpu: 0.5,
    daemonCpu: null,
  })
  t.equal(used(at(10, 100, 200, 50), at(13, 102, 206, 52.02)).foreignCpu, 0, 'a tick too much is not less than nothing')
  t.end()
})

t.test('mountpoints with blanks are read back as they are', (t) => {
  const line = String.raw`36 35 0:33 / /mnt/a\040b rw,noatime shared:1 - ext4 /dev/loop3 rw`
  t.same(parseMountinfo(`${line}\n`), [{ mountpoint: '/mnt/a b', source: '/dev/loop3' }])
  t.end()
})

t.test('volumes shrink to what memory has room for, and are refused when asked for more', (t) => {
  const GiB = 1024 ** 3
  t.equal(volumeSize(null, GiB, 4, 24 * GiB), GiB)
  t.equal(volumeSize(null, GiB, 4, 4 * GiB), GiB / 2)
  t.equal(volumeSize(2 * GiB, GiB, 4, 24 * GiB), 2 * GiB)
  t.throws(
    () => volumeSize(8 * GiB, GiB, 4, 24 * GiB),
    /4 volumes of 8G do not fit into 24G of free memory; give a smaller --size/,
  )
  t.throws(() => volumeSize(null, GiB, 10, GiB), /do not fit/)
  t.end()
})

t.test('figures are written with three digits and a unit', (t) => {
  t.same([999, 4210, 276_543, 999_600, 1_240_000, NaN].map(formatCount), ['999', '4.2k', '277k', '1.00M', '1.24M', '–'])
  t.same([410, 65_400, 1_530_000, 2.5e9, NaN].map(formatTime), ['0.41 µs', '65.4 µs', '1.53 ms', '2.50 s', '–'])
  t.same([-1, 59.4, 192].map(formatDuration), ['0s', '59s', '3m12s'])
  t.end()
})
