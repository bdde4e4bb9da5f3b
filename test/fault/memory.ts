/**
 * Memory pressure: a writer far beyond the limit of its cgroup, and a daemon with little memory of its own.
 *
 * They are never in one group. A daemon that the kernel makes wait for write-back, which waits for the daemon, waits
 * for ever, and without CAP_SYS_RESOURCE it cannot become an I/O flusher to be spared (docs/durability.md).
 */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { run, until } from '../support/process.js'
import { attach, serve, sparseImage } from '../support/ringvol.js'
import { onTransportsInTurn, suite } from '../support/suite.js'

const MiB = 1 << 20
const root = '/sys/fs/cgroup/memory'

let serial = 0

/** For the time of `body`, which gets the file that takes pids. Processes of the group must have ended by then. */
const inGroup = async <T>(limit: number, body: (procs: string) => Promise<T>): Promise<T> => {
  const group = `${root}/ringvol-test-${String(process.pid)}-${String(++serial)}`
  mkdirSync(group)
  try {
    writeFileSync(`${group}/memory.limit_in_bytes`, String(limit))
    return await body(`${group}/cgroup.procs`)
  } finally {
    await until('the group is empty', () => readFileSync(`${group}/cgroup.procs`, 'utf8') === '')
    rmdirSync(group)
  }
}

const residentKib = (pid: number): number =>
  Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1])

const dd = (path: string, count: number): string =>
  `dd if=/dev/zero of=${path} bs=1M count=${String(count)} conv=notrunc,fsync status=none`

await suite(t, { needs: ['memory groups'] }, () => {
  onTransportsInTurn(
    t,
    2,
    'a writer with ten times the memory of its group finishes, and the daemon does not grow',
    async (t, transport) => {
      const attached = await attach(sparseImage(512 * MiB), ['--transport', transport])
      const { pid } = attached.status
      const write = (count: number): Promise<string> =>
        inGroup(32 * MiB, (procs) =>
          run('sh', ['-c', `echo $$ >${procs} && exec ${dd(attached.device, count)}`], { deadline: 120_000 }),
        )
      await write(64)
      const before = residentKib(pid)
      await write(384)
      const grown = residentKib(pid) - before
      t.ok(grown < 30 << 10, `${String(before)} KiB before, ${String(grown)} more after`)
      await attached.detach()
    },
  )

  onTransportsInTurn(
    t,
    2,
    'a daemon that has little memory of its own serves a writer outside',
    async (t, transport) => {
      const served = await serve(sparseImage(512 * MiB), ['--transport', transport])
      await inGroup(150 * MiB, async (procs) => {
        writeFileSync(procs, String(served.daemon.pid))
        await run('sh', ['-c', dd(served.volume, 400)], { deadline: 120_000 })
        t.match(await served.stop(), { code: 0 })
      })
    },
  )
})
