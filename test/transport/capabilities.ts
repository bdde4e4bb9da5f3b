/**
 * What the running kernel says about itself, parsed and bounded.
 */
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { countCpus, enableUringPath, maxPagesLimit, overIoUring, possibleCpus, probeIoUring } from '../../src/transport/capabilities.js' // prettier-ignore

t.test('CPU lists are counted as the kernel writes them', (t) => {
  const cases: readonly (readonly [string, number])[] = [
    ['0', 1],
    ['0-1', 2],
    ['0-3,8', 5],
    ['0-7,16-23', 16],
    ['0,2,4', 3],
    ['0-8191', 8192],
  ]
  for (const [list, count] of cases) t.equal(countCpus(list), count, list)
  t.end()
})

t.test('the possible CPUs are at least those that are online', (t) => {
  t.ok(possibleCpus() >= countCpus(readFileSync('/sys/devices/system/cpu/online', 'utf8')))
  t.end()
})

t.test('the switch of FUSE-over-io_uring is told as it stands', (t) => {
  const expected = !existsSync(enableUringPath)
    ? 'absent'
    : /^[Y1]/.test(readFileSync(enableUringPath, 'utf8'))
      ? 'on'
      : 'off'
  t.equal(overIoUring(), expected)
  t.end()
})

t.test('the page limit is the sysctl, or what kernels without it have built in', (t) => {
  const path = '/proc/sys/fs/fuse/max_pages_limit'
  t.equal(maxPagesLimit(), existsSync(path) ? Number(readFileSync(path, 'utf8')) : 256)
  t.end()
})

const probe = (): ReturnType<typeof probeIoUring> | undefined => {
  try {
    return probeIoUring()
  } catch {
    return undefined
  }
}

t.test(
  'io_uring is available without a reason, or refused with one',
  { skip: probe() === undefined && 'the addon is not built' },
  (t) => {
    // prettier-ignore
    const { available, reason, features } = probeIoUring()
    t.equal(available, reason === '')
    t.ok(available || features.length === 0 || reason !== '')
    t.strictSame([...new Set(features)], features, 'each feature once')
    t.end()
  },
)
