/**
 * Which transport runs, and what is said about it, when the machine does not offer the best one.
 *
 * These tests turn switches of the whole machine and put them back; scripts/test.sh allows it, because nothing else
 * mounts while it runs.
 */
import t from 'tap'
import { ringvol, serve, sparseImage } from '../support/ringvol.js'
import { freshDirectory } from '../support/scratch.js'
import { requires } from '../support/requires.js'
import { suite } from '../support/suite.js'
import { lacksSwitch, switched } from '../support/switched.js'

const overIoUring = '/sys/module/fuse/parameters/enable_uring'
const ioUringDisabled = '/proc/sys/kernel/io_uring_disabled'

const size = 4 << 20

await suite(t, {}, () => {
  t.test(
    'left to itself it takes the best transport there is, and gives a reason',
    { skip: requires('uring') },
    async (t) => {
      const served = await serve(sparseImage(size))
      t.match(served.status.transport, /^(passthrough|uring)$/)
      t.ok(served.status.reason.length > 10, served.status.reason)
      t.match(await served.stop(), { code: 0 })
    },
  )

  t.test(
    'with FUSE-over-io_uring switched off it takes classic and says why',
    { skip: lacksSwitch(overIoUring) },
    async (t) => {
      await switched(overIoUring, 'N', async () => {
        const served = await serve('memory:4M')
        t.equal(served.status.transport, 'classic')
        t.match(served.status.reason, /enable_uring/)
        t.match(await served.stop(), { code: 0 })

        const raw = await serve(sparseImage(size))
        t.match(raw.status.transport, /^(passthrough|classic)$/)
        t.match(raw.status.reason, /classic.*enable_uring|enable_uring.*io_uring/)
        t.match(await raw.stop(), { code: 0 })

        const forced = await ringvol(['serve', sparseImage(size), freshDirectory('mount'), '--transport', 'uring'])
        t.equal(forced.code, 3)
        t.equal(forced.stdout, '')
        t.match(forced.stderr, /^ringvol: .*enable_uring.*$/m, 'with the advice')
      })
    },
  )

  t.test(
    'where io_uring is refused it takes plain system calls and says why',
    { skip: lacksSwitch(ioUringDisabled) },
    async (t) => {
      await switched(ioUringDisabled, '2', async () => {
        const served = await serve('memory:4M')
        t.equal(served.status.transport, 'syscall')
        t.match(served.status.reason, /io_uring/)
        t.match(await served.stop(), { code: 0 })

        const forced = await ringvol(['serve', sparseImage(size), freshDirectory('mount'), '--transport', 'classic'])
        t.equal(forced.code, 3)
        t.match(forced.stderr, /^ringvol: .*io_uring.*$/m)
      })
    },
  )
})
