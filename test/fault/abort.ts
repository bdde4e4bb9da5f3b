/**
 * The volume taken away from outside: by umount, by an abort of the FUSE connection, by a second signal while it is in
 * use. The daemon ends by itself each time, and whoever used the volume gets an error.
 */
import { dirname } from 'node:path'
import t from 'tap'
import type { TransportName } from '../../src/transport/transport.js'
import { readBooks, startLedger } from '../support/ledger.js'
import { abortConnections } from '../support/mounts.js'
import { run, until, type Running } from '../support/process.js'
import { serve, sparseImage, type Served } from '../support/ringvol.js'
import { scratch } from '../support/scratch.js'
import { onTransportsInTurn, suite } from '../support/suite.js'

const blocks = 1024

const underLoad = async (transport: TransportName, seed: number): Promise<{ served: Served; writer: Running }> => {
  const served = await serve(sparseImage(blocks * 4096), ['--transport', transport])
  const writer = startLedger({ path: served.volume, synchronous: false, blocks, inFlight: 4, seed, firstSequence: 0 })
  await until('the writer writes', () => writer.lines.length > 100)
  return { served, writer }
}

await suite(t, {}, () => {
  onTransportsInTurn(t, 2, 'an unmount from outside ends the daemon cleanly', async (t, transport) => {
    const served = await serve(sparseImage(1 << 20), ['--transport', transport])
    await run('umount', [dirname(served.volume)])
    t.equal((await served.daemon.ended(10_000)).code, 0)
  })

  onTransportsInTurn(
    t,
    2,
    'a lazy unmount under load lets the load finish and then ends the daemon',
    async (t, transport) => {
      const { served, writer } = await underLoad(transport, 2)
      await run('umount', ['-l', dirname(served.volume)])
      const seen = writer.lines.length
      await until('it goes on', () => writer.lines.length > seen + 100)
      writer.child.kill('SIGKILL')
      await writer.ended()
      t.strictSame(readBooks(writer.lines).failures, [])
      t.equal((await served.daemon.ended(10_000)).code, 0)
    },
  )

  onTransportsInTurn(
    t,
    2,
    'an aborted connection fails the writers at once and ends the daemon',
    async (t, transport) => {
      const { served, writer } = await underLoad(transport, 3)
      abortConnections(scratch)
      await writer.ended(5000)
      t.match(readBooks(writer.lines).failures[0]?.code ?? 'none', /^(ECONNABORTED|ENOTCONN|EIO|ENODEV)$/)
      await served.daemon.ended(10_000)
      t.pass('it ended')
    },
  )

  onTransportsInTurn(t, 2, 'the second signal ends a daemon whose volume is in use', async (t, transport) => {
    const { served, writer } = await underLoad(transport, 4)
    served.daemon.child.kill('SIGTERM')
    await until('the daemon says who holds it', () => served.daemon.stderr().includes(String(writer.pid)))
    const seen = writer.lines.length
    await until('and goes on serving', () => writer.lines.length > seen + 20)
    served.daemon.child.kill('SIGTERM')
    await served.daemon.ended(15_000)
    await writer.ended(5000)
    t.ok(readBooks(writer.lines).failures.length > 0)
  })
})
