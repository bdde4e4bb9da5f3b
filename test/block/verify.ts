/**
 * No write is lost, torn or misplaced, at depth, in any size, on the FUSE file and on the loop device over it.
 */
import t from 'tap'
import { fioVerify, verifyJobs } from '../support/fio.js'
import { attach, counter, sparseImage } from '../support/ringvol.js'
import { seeded } from '../support/seed.js'
import { onEachCarrier, onEachTransport, suite } from '../support/suite.js'
import { carriers, lacksTransport, onAll, transports } from '../support/transports.js'

await suite(t, { needs: ['command:fio'] }, () => {
  const { seed } = seeded(t)

  onEachTransport(t, 'every block read back is the one that was written', async (t, transport) => {
    const attached = await attach(sparseImage(64 << 20), ['--transport', transport])
    for (const [which, [where, path]] of (
      [
        ['the loop device', attached.device],
        ['the FUSE file', attached.status.volume],
      ] as const
    ).entries()) {
      // Half of the jobs here and the other half there, changing with the transport, so that both places and all jobs
      // meet every transport, or its neighbour, in half of the time.
      const turn = transports.indexOf(transport) + which
      for (const job of verifyJobs.filter((_, index) => onAll || (index + turn) % 2 === 0)) {
        t.test(`${where}: ${job.name}`, async (t) => {
          await fioVerify(path, job.options, seed)
          t.pass('fio found no wrong block')
        })
      }
    }
    t.test('and all of it went through requests that were answered', async (t) => {
      t.ok((await counter(attached.status.name, 'bytesWritten')) >= 64 << 20)
      t.equal(await counter(attached.status.name, 'fileErrors'), 0)
      await attached.detach()
    })
  })

  for (const transport of carriers.slice(0, onAll ? undefined : 1)) {
    t.test(`${transport}: two lanes lose and mix up nothing either`, { skip: lacksTransport(transport) }, async (t) => {
      const attached = await attach(sparseImage(64 << 20), ['--transport', transport, '--lanes', '2'])
      t.equal(attached.status.lanes, 2)
      for (const job of verifyJobs.filter(({ name }) => onAll || name.startsWith('io_uring, iodepth 256'))) {
        await fioVerify(attached.device, job.options, seed)
        t.pass(`fio found no wrong block: ${job.name}`)
      }
      await attached.detach()
    })
  }

  onEachCarrier(t, 'the memory backend holds what fio gives it', async (t, transport) => {
    const attached = await attach('memory:256M', ['--transport', transport])
    for (const options of [
      ['--bs=4k', '--size=64m'],
      ['--bs=1m', '--size=256m'],
    ]) {
      await fioVerify(attached.status.volume, ['--ioengine=libaio', '--iodepth=32', ...options], seed)
    }
    await attached.detach()
    t.pass('fio found no wrong block')
  })
})
