/**
 * kill -9 of the daemon under load: no acknowledged write is lost, whoever was writing is told, and the machine is
 * clean and usable again after `detach --all`. What a round is, and what it looks at: test/torture/kills.ts.
 */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { diskGone } from '../support/kernel-log.js'
import { run } from '../support/process.js'
import { attach, lacksTransport, list, ringvol, ringvolOk, sparseImage, usableTransports } from '../support/ringvol.js'
import { seeded } from '../support/seed.js'
import { suite } from '../support/suite.js'
import { errorDeadline, KilledVolume } from '../torture/kills.js'

/** RINGVOL_TEST_KILLS=5 for a quick look. */
const rounds = Number(process.env['RINGVOL_TEST_KILLS'] ?? 12)

await suite(t, { expectedLog: diskGone }, () => {
  const random = seeded(t)

  t.test(`${String(rounds)} kills under load lose no acknowledged write and leave nothing behind`, async (t) => {
    const usable = usableTransports()
    const volume = new KilledVolume()
    for (let round = 0; round < rounds; round++) {
      await volume.round(usable[round % usable.length] ?? 'syscall', random)
    }
    t.ok(volume.acked > Math.min(rounds, 10) * 5, `${String(volume.acked)} blocks had acknowledged writes`)
    t.ok(volume.worst <= errorDeadline, `the latest error came after ${String(volume.worst)} ms`)
    t.strictSame(await list(), [])
  })

  t.test(
    'a loop device that still writes to the image after its daemon died keeps the image from a second export',
    { skip: lacksTransport('passthrough') },
    async (t) => {
      const image = sparseImage(1 << 20)
      const first = await attach(image, ['--transport', 'passthrough', '--name', 'first'])
      process.kill(first.status.pid, 'SIGKILL')
      // The kernel does these without asking anybody, so nobody can refuse them.
      await run('xfs_io', ['-d', '-c', 'pwrite -q -S 0x77 0 4k', first.device])
      t.equal(readFileSync(image)[0], 0x77)
      const second = await ringvol(['-q', 'attach', image, '--name', 'second'])
      t.match(second, { code: 1, stdout: '', stderr: /is exported already or locked .*`ringvol list`/ })
      await ringvolOk(['detach', 'first'])
      const third = await attach(image)
      await third.detach()
    },
  )
})
