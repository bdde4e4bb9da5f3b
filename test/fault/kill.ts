/**
 * kill -9 of the daemon under load. What was acknowledged is in the image, whoever was writing gets an error instead of
 * waiting for ever, and the machine is clean and usable again after `detach --all`.
 *
 * One image lives through all rounds, so each round's attach is also the re-attach after the kill before it, and each
 * audit looks at the writes of all rounds so far.
 */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { until } from '../support/process.js'
import { audit, readBooks, startLedger } from '../support/ledger.js'
import { attach, lacksTransport, list, ringvolOk, sparseImage, transports } from '../support/ringvol.js'
import { markedPids } from '../support/scratch.js'
import { seeded } from '../support/seed.js'
import { suite } from '../support/suite.js'
import { leftovers } from '../support/sweep.js'

/** RINGVOL_TEST_KILLS=5 for a quick look. */
const rounds = Number(process.env['RINGVOL_TEST_KILLS'] ?? 50)
const usable = transports.filter((transport) => lacksTransport(transport) === false)
const blocks = 2048
const errorDeadline = 5000

/** What the kernel rightly logs when a disk goes away under it. */
const diskGone = [/I\/O error, dev loop\d+/i, /Buffer I\/O error on dev loop/i, /lost (async|sync) page write/i]

const state = (pid: number): string => {
  try {
    return /^State:\s*(\S)/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? '?'
  } catch {
    return 'gone'
  }
}

await suite(t, { expectedLog: diskGone }, () => {
  const random = seeded(t)

  t.test(`${String(rounds)} kills under load lose no acknowledged write and leave nothing behind`, async (t) => {
    const image = sparseImage(blocks * 4096)
    const lines: string[] = []
    let worst = 0
    for (let round = 0; round < rounds; round++) {
      const transport = usable[round % usable.length] ?? 'syscall'
      const { device, status } = await attach(image, ['--transport', transport])
      const onLoop = random.below(2) === 0
      const where = `round ${String(round)}, ${transport}, ${onLoop ? 'loop device' : 'FUSE file'}`
      const writer = startLedger({
        path: onLoop ? device : status.volume,
        synchronous: onLoop,
        blocks,
        inFlight: 4,
        seed: random.below(2 ** 31),
        firstSequence: round * 1_000_000,
      })
      const enough = 20 + random.below(300)
      await until(`${where}: ${String(enough)} lines`, () => writer.lines.length >= enough, 30_000)
      const killed = Date.now()
      process.kill(status.pid, 'SIGKILL')

      await writer.ended(errorDeadline + 5000)
      lines.push(...writer.lines)
      const { failures } = readBooks(writer.lines)
      const late = Math.max(0, ...failures.map(({ at }) => at - killed))
      worst = Math.max(worst, late)
      if (failures.length === 0 || late > errorDeadline)
        t.fail(`${where}: the writer was told nothing in time`, { failures })
      const asleep = markedPids().filter((pid) => state(pid) === 'D')
      if (asleep.length > 0) t.fail(`${where}: ${asleep.join(' ')} in D state`)

      await ringvolOk(['detach', '--all'], { deadline: 60_000 })
      const wrong = [...audit(image, readBooks(lines)), ...leftovers()]
      if (wrong.length > 0) t.fail(where, { wrong: wrong.slice(0, 20) })
    }
    const { acked } = readBooks(lines)
    t.ok(acked.size > Math.min(rounds, 10) * 5, `${String(acked.size)} blocks had acknowledged writes`)
    t.ok(worst <= errorDeadline, `the latest error came after ${String(worst)} ms`)
    t.strictSame(audit(image, readBooks(lines)), [])
    t.strictSame(await list(), [])
  })
})
