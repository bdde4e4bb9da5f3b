/**
 * Requests arrive whole. A kernel that cannot put many pages into one request, or a server that does not ask for it,
 * turns one readv of 32 pages into 32 requests, and large I/O into small.
 *
 * Counted as a difference: the same program runs with one and with eleven calls, and what opening, looking up and
 * closing cost falls out.
 */
import t from 'tap'
import { run } from '../support/process.js'
import { counter, serve, sparseImage } from '../support/ringvol.js'
import { onEachTransport, suite } from '../support/suite.js'

const size = 64 << 20
const calls = 10

await suite(t, { needs: ['command:xfs_io'] }, () => {
  onEachTransport(t, 'large and vectored I/O under O_DIRECT', async (t, transport) => {
    const served = await serve(sparseImage(size), ['--transport', transport])
    const { volume, status } = served

    const repeat = (command: (index: number) => string, count: number): Promise<string> => {
      const commands = Array.from({ length: count }, (_, index) => ['-c', command(index)]).flat()
      return run('xfs_io', ['-d', ...commands, volume])
    }
    const requests = (): Promise<number> => counter(status.name, 'requests')
    const perCall = async (command: (index: number) => string): Promise<number> => {
      await repeat(command, 1)
      const before = await requests()
      await repeat(command, 1)
      const between = await requests()
      await repeat(command, 1 + calls)
      return ((await requests()) - between - (between - before)) / calls
    }
    const at = (index: number): string => `${String(index)}m`

    const cases = [
      ['a writev of 32 segments of 4 KiB', (index: number) => `pwrite -q -V 32 -b 4k ${at(index)} 128k`],
      ['a readv of 32 segments of 4 KiB', (index: number) => `pread -q -V 32 -b 4k ${at(index)} 128k`],
      ['a write of 1 MiB', (index: number) => `pwrite -q -b 1m ${at(index)} 1m`],
      ['a read of 1 MiB', (index: number) => `pread -q -b 1m ${at(index)} 1m`],
    ] as const
    for (const [what, command] of cases) {
      t.test(`${what} is one request`, async (t) => {
        t.equal(await perCall(command), 1)
      })
    }

    t.test('is served until it is told to stop, and then ends with status 0', async (t) => {
      t.match(await served.stop(), { code: 0 })
    })
  })
})
