/**
 * A ring that cannot be entered now, and one that cannot be had at all: no request may be lost to the first, and the
 * second must be said. strace makes the calls fail, a seccomp filter takes io_uring away from one process only.
 */
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { attempt, run, start, until } from '../support/process.js'
import { lacksTransport, main, serve, sparseImage } from '../support/ringvol.js'
import { freshDirectory, freshPath } from '../support/scratch.js'
import { suite } from '../support/suite.js'

const bytes = 8 << 20
const source = fileURLToPath(new URL('refuse-io-uring.c', import.meta.url))

/** Each error, on a transport of its own turn. */
const weathers = [
  { error: 'EINTR', transport: 'uring' },
  { error: 'EAGAIN', transport: 'classic' },
  { error: 'EBUSY', transport: 'uring' },
  { error: 'EINTR', transport: 'classic' },
] as const

/** Writes all of it at depth, reads it back and compares. */
const verify = (volume: string): Promise<string> =>
  run('fio', [
    ...['--name=weather', `--filename=${volume}`, `--size=${String(bytes)}`, '--rw=randwrite', '--bs=16k'],
    ...['--direct=1', '--ioengine=libaio', '--iodepth=16', '--verify=crc32c', '--verify_fatal=1', '--fsync=64'],
  ])

await suite(t, { needs: ['command:strace', 'command:fio', 'command:gcc'] }, async () => {
  for (const { error, transport } of weathers) {
    t.test(
      `${transport}: every fourth enter that ends with ${error} loses nothing`,
      { skip: lacksTransport(transport) },
      async (t) => {
        const served = await serve(sparseImage(bytes), ['--transport', transport])
        const log = freshPath('strace')
        const pid = String(served.daemon.pid)
        const inject = `inject=io_uring_enter:error=${error}:when=3+4`
        const tracer = start('strace', ['-f', '-qq', '-e', 'trace=io_uring_enter', '-e', inject, '-o', log, '-p', pid])
        await until('strace is attached', () => !/^TracerPid:\t0$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')))
        await verify(served.volume)
        tracer.child.kill('SIGINT')
        await tracer.ended()
        const injected = readFileSync(log, 'utf8').split('(INJECTED)').length - 1
        t.ok(injected > 20, `${String(injected)} times`)
        t.match(await served.stop(), { code: 0 })
      },
    )
  }

  const refuse = freshPath('refuse-io-uring')
  await run('gcc', ['-Wall', '-Wextra', '-Werror', '-o', refuse, source])

  for (const [error, says] of [
    ['EPERM', /seccomp.*forbids io_uring/],
    ['ENOSYS', /no io_uring, or seccomp hides it/],
  ] as const) {
    const under = [refuse, String(constants.errno[error])]
    t.test(`where seccomp answers io_uring with ${error}, auto takes plain system calls and says why`, async (t) => {
      const served = await serve('memory:8M', [], {}, under)
      t.equal(served.status.transport, 'syscall')
      t.match(served.status.reason, says)
      await verify(served.volume)
      t.match(await served.stop(), { code: 0 })
    })

    t.test(`where seccomp answers io_uring with ${error}, classic by force is refused`, async (t) => {
      const args = ['serve', sparseImage(bytes), freshDirectory('mount'), '--transport', 'classic']
      const [command, ...before] = [...under, process.execPath, main]
      const { code, stdout, stderr } = await attempt(command, [...before, ...args])
      t.equal(code, 3)
      t.equal(stdout, '')
      t.match(stderr, says)
      t.match(stderr, /--transport syscall/)
    })
  }
})
