/**
 * A backend that does not answer: callers wait, the age of what they wait for is shown, and there is a way out.
 */
import t from 'tap'
import type { ListedVolume } from '../../src/host/list.js'
import type { LaneTransport } from '../../src/native/addon.js'
import { start, until, type Running } from '../support/process.js'
import { lacksTransport, list, ringvolOk, serve } from '../support/ringvol.js'
import { stoppableImage } from '../support/stoppable.js'
import { suite } from '../support/suite.js'

const MiB = 1 << 20

const listed = async (name: string): Promise<ListedVolume> => {
  const found = ((await list()) as ListedVolume[]).find((volume) => volume.name === name)
  if (found === undefined) throw new Error(`${name} is not listed`)
  return found
}

const reader = (path: string): Running =>
  start('dd', [`if=${path}`, 'of=/dev/null', 'bs=64k', 'count=1', 'iflag=direct', 'status=none'])

const lanes: readonly (readonly [LaneTransport, number])[] = [
  ['uring', 2],
  ['classic', 1],
  ['syscall', 2],
]

await suite(t, {}, () => {
  for (const [transport, count] of lanes) {
    const where = `${transport} on ${String(count)} lanes`
    t.test(
      `${where}: storage that stands still shows as an age that grows, and as none when it is over`,
      { skip: lacksTransport(transport) },
      async (t) => {
        const image = await stoppableImage(4 * MiB)
        const args = ['--transport', transport, '--lanes', String(count), '--name', 'outer']
        const served = await serve(image.path, args)
        await image.stop()
        const waiting = reader(served.volume)
        await until('the request has an age', async () => ((await listed('outer')).oldestRequestMs ?? 0) > 200)
        const first = await listed('outer')
        t.match(first, { state: 'serving', inFlight: 1 })
        const info = JSON.parse(await ringvolOk(['info', 'outer', '--json'])) as ListedVolume
        t.ok((info.oldestRequestMs ?? 0) > (first.oldestRequestMs ?? Infinity), 'it grows')
        await image.goOn()
        t.equal((await waiting.ended(10_000)).code, 0, 'and nobody has lost anything')
        t.match(await listed('outer'), { inFlight: 0, oldestRequestMs: null })
        t.equal((await served.stop()).code, 0)
        await image.close()
      },
    )
  }
})
