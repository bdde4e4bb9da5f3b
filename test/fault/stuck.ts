/**
 * A backend that does not answer: callers wait, the age of what they wait for is shown, and there is a way out.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { ListedVolume } from '../../src/host/list.js'
import type { LaneTransport } from '../../src/native/addon.js'
import { start, until, type Running } from '../support/process.js'
import { lacksTransport, list, ringvol, ringvolOk, serve } from '../support/ringvol.js'
import { freshPath } from '../support/scratch.js'
import { stoppableImage } from '../support/stoppable.js'
import { suite } from '../support/suite.js'

const MiB = 1 << 20
const spinning = fileURLToPath(new URL('stuck-module.js', import.meta.url))

const listed = async (name: string): Promise<ListedVolume> => {
  const found = ((await list()) as ListedVolume[]).find((volume) => volume.name === name)
  if (found === undefined) throw new Error(`${name} is not listed`)
  return found
}

const reader = (path: string): Running =>
  start('dd', [`if=${path}`, 'of=/dev/null', 'bs=64k', 'count=1', 'iflag=direct', 'status=none'])

/** Runs in a child that has the volume open before its storage stops; asks for `many` blocks at once, from then on. */
const readMany = async (path: string, many: number): Promise<void> => {
  const fs = await import('node:fs')
  const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECT)
  fs.writeSync(1, 'open\n')
  await new Promise((resolve) => process.stdin.once('data', resolve))
  process.stdin.destroy()
  const results = await Promise.all(
    Array.from(
      { length: many },
      (_, block) =>
        new Promise<string>((resolve) => {
          fs.read(fd, Buffer.alloc(65536), 0, 65536, block * 65536, (error) => {
            resolve(error?.code ?? 'read')
          })
        }),
    ),
  )
  fs.writeSync(1, `${results.join(' ')}\n`)
}

const lanes: readonly (readonly [LaneTransport, number])[] = [
  ['uring', 2],
  ['syscall', 1],
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

  t.test('a request over --request-timeout ends the volume: callers get errors, the daemon status 1', async (t) => {
    const image = await stoppableImage(4 * MiB)
    const served = await serve(image.path, ['--name', 'outer', '--request-timeout', '1'])
    await image.stop()
    const began = Date.now()
    t.not((await reader(served.volume).ended(10_000)).code, 0)
    t.ok(Date.now() - began < 6000, `the error came after ${String(Date.now() - began)} ms`)
    await image.goOn()
    t.match(await served.daemon.ended(20_000), { code: 1, stderr: /did not answer a request in 1 s/ })
    await image.close()
  })

  t.test('a backend whose promise never settles is given up on too', async (t) => {
    const file = freshPath('pause')
    writeFileSync(file, '')
    const served = await serve('memory:1M', ['--layer', `pause:while=${file}`, '--request-timeout', '1'])
    t.not((await reader(served.volume).ended(10_000)).code, 0)
    t.match(await served.daemon.ended(20_000), { code: 1, stderr: /did not answer a request in 1 s/ })
  })

  t.test('a thread that stands still is noticed from outside it, and callers get errors', async (t) => {
    const file = freshPath('spin')
    writeFileSync(file, '')
    const environment = { RINGVOL_SPIN: file }
    const served = await serve(`module:${spinning}`, ['--watchdog', '1', '--name', 'outer'], { environment })
    t.not((await reader(served.volume).ended(10_000)).code, 0)
    rmSync(file)
    t.match(await served.daemon.ended(20_000), { code: 1, stderr: /stood still for 1 s while requests waited/ })
  })

  t.test('a daemon that was stopped and goes on is none, also with a request waiting', async (t) => {
    const served = await serve('memory:1M', ['--watchdog', '1', '--name', 'outer'])
    process.kill(served.status.pid, 'SIGSTOP')
    const waiting = reader(served.volume)
    await new Promise((resolve) => setTimeout(resolve, 2500)) // longer than the limit
    t.equal((await listed('outer')).state, 'silent')
    t.match(
      (await ringvol(['doctor'])).stdout,
      /^running volumes +degraded +outer: its daemon \(pid \d+\) does not answer/m,
    )
    process.kill(served.status.pid, 'SIGCONT')
    t.equal((await waiting.ended(10_000)).code, 0)
    t.equal((await served.stop()).code, 0)
  })

  t.test('detach --force ends a stopped daemon, and whoever waited for it gets an error', async (t) => {
    const served = await serve('memory:1M', ['--name', 'outer'])
    process.kill(served.status.pid, 'SIGSTOP')
    const waiting = reader(served.volume)
    await until('the reader waits', () => readFileSync(`/proc/${String(waiting.pid)}/wchan`, 'utf8').includes('fuse') || /^State:\s+[DS]/m.test(readFileSync(`/proc/${String(waiting.pid)}/status`, 'utf8'))) // prettier-ignore
    t.match(await ringvol(['detach', '--force', 'outer']), { code: 0 })
    t.not((await waiting.ended(5000)).code, 0)
  })

  t.test('a second signal frees whoever waits, also when every thread of the pool stands still', async (t) => {
    const image = await stoppableImage(4 * MiB)
    const served = await serve(image.path, ['--name', 'outer', '--transport', 'syscall'])
    const script = `await (${readMany.toString()})('${served.volume}', 6)`
    const environment = { UV_THREADPOOL_SIZE: '6' }
    const readers = start(process.execPath, ['--input-type=module', '-e', script], { environment })
    t.equal(await readers.line(), 'open')
    await image.stop()
    readers.child.stdin?.write('\n')
    await until('all of them wait', async () => ((await listed('outer')).inFlight ?? 0) === 6)
    served.daemon.child.kill('SIGTERM')
    await until('it has heard', () => served.daemon.stderr().includes('SIGTERM: flushing'))
    served.daemon.child.kill('SIGTERM')
    t.match((await readers.ended(5000)).stdout, /^open\n(ECONNABORTED ?){6}\n$/)
    await image.goOn()
    // 143 if the reads that were under way have ended by then, 1 if one still could touch the image.
    const { code, stderr } = await served.daemon.ended(20_000)
    t.match(String(code), /^(143|1)$/)
    t.match(stderr, /SIGTERM again: stopping by force/)
    await image.close()
  })

  t.test('a killed daemon whose storage stands still keeps nobody waiting, and is named', async (t) => {
    const image = await stoppableImage(4 * MiB)
    const served = await serve(image.path, ['--name', 'outer'])
    await image.stop()
    const waiting = reader(served.volume)
    await until('the request waits', async () => ((await listed('outer')).inFlight ?? 0) > 0)
    process.kill(served.status.pid, 'SIGKILL')
    const detached = await ringvol(['detach', 'outer'])
    t.match(detached, { code: 1, stderr: /killed, waits for its storage/ })
    t.not((await waiting.ended(5000)).code, 0)
    await image.goOn()
    await served.daemon.ended(10_000)
    await image.close()
  })
})
