/**
 * Requests arrive whole. A kernel that cannot put many pages into one request, or a server that does not ask for it,
 * turns one readv of 32 pages into 32 requests, and large I/O into small.
 *
 * Counted as a difference: the same program runs with one and with eleven calls, and what opening, looking up and
 * closing cost falls out. Requests beyond 1 MiB need a larger fs.fuse.max_pages_limit, a switch of the whole machine.
 */
import t from 'tap'
import { run } from '../support/process.js'
import { counter, serve, type Served, sparseImage, usableTransports } from '../support/ringvol.js'
import { onEachTransport, suite } from '../support/suite.js'
import { lacksSwitch, switched } from '../support/switched.js'
import { onAll } from '../support/transports.js'

const size = 64 << 20
const calls = 10

const pagesLimit = '/proc/sys/fs/fuse/max_pages_limit'

/** How many requests one call of xfs_io makes: `command(n)` is the n-th call. */
const requestsPerCall = async ({ volume, status }: Served, command: (index: number) => string): Promise<number> => {
  const repeat = (count: number): Promise<string> => {
    const commands = Array.from({ length: count }, (_, index) => ['-c', command(index)]).flat()
    return run('xfs_io', ['-d', ...commands, volume])
  }
  const requests = (): Promise<number> => counter(status.name, 'requests')
  await repeat(1)
  const before = await requests()
  await repeat(1)
  const between = await requests()
  await repeat(1 + calls)
  return ((await requests()) - between - (between - before)) / calls
}

const at = (index: number): string => `${String(index)}m`
const ordinary = {
  'a writev of 32 segments of 4 KiB': (index: number) => `pwrite -q -V 32 -b 4k ${at(index)} 128k`,
  'a readv of 32 segments of 4 KiB': (index: number) => `pread -q -V 32 -b 4k ${at(index)} 128k`,
  'a write of 1 MiB': (index: number) => `pwrite -q -b 1m ${at(index)} 1m`,
  'a read of 1 MiB': (index: number) => `pread -q -b 1m ${at(index)} 1m`,
}
const large = {
  'a write of 4 MiB': (index: number) => `pwrite -q -b 4m ${at(4 * index)} 4m`,
  'a read of 4 MiB': (index: number) => `pread -q -b 4m ${at(4 * index)} 4m`,
}

await suite(t, { needs: ['command:xfs_io'] }, () => {
  onEachTransport(t, 'large and vectored I/O under O_DIRECT', async (t, transport) => {
    const served = await serve(sparseImage(size), ['--transport', transport])
    for (const [what, command] of Object.entries(ordinary)) {
      t.test(`${what} is one request`, async (t) => {
        t.equal(await requestsPerCall(served, command), 1)
      })
    }
    t.test('is served until it is told to stop, and then ends with status 0', async (t) => {
      t.match(await served.stop(), { code: 0 })
    })
  })

  t.test('where the machine allows requests of more than 1 MiB', { skip: lacksSwitch(pagesLimit) }, async (t) => {
    await switched(pagesLimit, '1024', async () => {
      // Slots grow in the same way on all of them.
      for (const transport of usableTransports().slice(0, onAll ? undefined : 1)) {
        const served = await serve(sparseImage(size), ['--transport', transport, '--max-io', '4M'])
        for (const [what, command] of Object.entries(large)) {
          t.equal(await requestsPerCall(served, command), 1, `${transport}: ${what} is one request`)
        }
        t.match(await served.stop(), { code: 0 })
      }
    })
  })
})
