/**
 * As many lanes as CPUs, each pinned to the CPU whose requests it serves: they sleep in their rings, and what they have
 * an event loop for gets its turn all the same.
 */
import t from 'tap'
import { possibleCpus } from '../../src/transport/capabilities.js'
import { inChild, run, until } from '../support/process.js'
import { requires } from '../support/requires.js'
import { counter, serve, sparseImage } from '../support/ringvol.js'
import { suite } from '../support/suite.js'

const lanes = possibleCpus()
const reads = 400
/** Of native/ring/ring_sleep.h: what a lane that is asked all the time goes to its event loop for. */
const tickMs = 10

await suite(t, { needs: ['uring', 'command:xfs_io'] }, () => {
  const lacks = requires('every CPU') || (lanes < 2 && 'one CPU is one lane, on the main thread')
  t.test('a lane for each CPU', { skip: lacks }, async (t) => {
    const served = await serve(sparseImage(16 << 20), ['--transport', 'uring', '--lanes', String(lanes)])
    const { name } = served.status
    t.equal(served.status.lanes, lanes)

    t.test('serves requests that come one by one without going back to its event loop for each', async (t) => {
      const began = Date.now()
      const [readBefore, wakeUpsBefore] = [await counter(name, 'bytesRead'), await counter(name, 'wakeUps')]
      await inChild(
        async ({ path, times }) => {
          const fs = await import('node:fs')
          const timers = await import('node:timers/promises')
          const file = fs.openSync(path, 'r')
          const block = Buffer.alloc(4096)
          for (let time = 0; time < times; time++) {
            fs.readSync(file, block, 0, block.length, time * block.length)
            await timers.setTimeout(1)
          }
          fs.closeSync(file)
        },
        { path: served.volume, times: reads },
      )
      // Published by timers of the lanes, so these run too.
      await until('the lanes tell of all reads', async () => {
        return (await counter(name, 'bytesRead')) - readBefore >= reads * 4096
      })
      const wakeUps = (await counter(name, 'wakeUps')) - wakeUpsBefore
      const ticks = (Date.now() - began) / tickMs
      t.ok(wakeUps < Math.max(reads / 2, 1.5 * ticks), `${String(wakeUps)} wake-ups for ${String(reads)} reads`)
    })

    t.test('asks the main thread for what is not reading or writing, between two reads', async (t) => {
      const commands = Array.from({ length: 20 }, () => ['-c', 'pread -q 0 4k', '-c', 'fpunch 64k 4k']).flat()
      await run('xfs_io', [...commands, served.volume])
      t.pass('and gets the answer each time')
    })

    t.test('ends with status 0 when it is told to', async (t) => {
      t.match(await served.stop(), { code: 0 })
    })
  })
})
