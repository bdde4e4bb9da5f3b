// A program that uses the library and then ends in one particular way. Driven by lifetime.ts.
//
// usage: node [--expose-gc] lifetime-child.js ENDING TRANSPORT LANES DIRECTORY
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { exportVolume, openSource } from '../../dist/index.js'

const exportIn = async ({ source, directory, transport, lanes }) => {
  const mountpoint = join(directory, `mount-${source.split(':')[0]}`)
  mkdirSync(mountpoint, { recursive: true })
  return exportVolume(await openSource(source, { size: 8 << 20 }), { mountpoint, transport, lanes })
}

const say = (line) => process.stdout.write(`${line}\n`)
const tick = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Reads the whole volume again and again until it fails; resolves with the reader's complaint. */
const readUntilError = (volume) =>
  new Promise((resolve) => {
    const script = `while dd if="$0" of=/dev/null bs=4k iflag=direct 2>&1; do :; done`
    const reader = spawn('sh', ['-c', script, volume], { stdio: ['ignore', 'pipe', 'pipe'] })
    let last = ''
    // Its last words may come in pieces.
    reader.stdout.on('data', (text) => (last = (last + String(text)).slice(-2000)))
    reader.on('close', () => resolve(last))
  })

const endings = {
  'process.exit': async (options) => {
    await exportIn(options)
    say('up')
    process.exit(7)
  },
  'uncaught exception': async (options) => {
    await exportIn(options)
    say('up')
    setTimeout(() => {
      throw new Error('on purpose')
    }, 10)
  },
  'natural end': async (options) => {
    const volume = await exportIn(options)
    say('up')
    await volume.stop()
  },
  'worker terminated under load': async (options) => {
    // Nobody but the kernel moves the bytes with passthrough, so it needs a file.
    const sources = [join(options.directory, 'image'), ...(options.transport === 'passthrough' ? [] : ['memory:8M'])]
    const workers = sources.map(
      (source) => new Worker(new URL(import.meta.url), { workerData: { ...options, source } }),
    )
    const volumes = await Promise.all(
      workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))),
    )
    const readers = volumes.map(readUntilError)
    await tick(100)
    await Promise.all(workers.map((worker) => worker.terminate()))
    say(`readers got: ${(await Promise.all(readers)).join(' ').replaceAll('\n', ' ')}`)
  },
  'lane lost': async (options) => {
    const volume = await exportIn(options)
    const reader = readUntilError(volume.status.volume)
    await tick(100)
    writeFileSync(process.env.LANE_TRIGGER, '')
    await volume.closed.then(
      () => say('closed as if nothing had happened'),
      ({ code, message }) => say(`closed with ${code}: ${message}`),
    )
    say(`reader got: ${(await reader).replaceAll('\n', ' ')}`)
  },
  'opened and stopped 100 times': async (options) => {
    const count = () => ({
      descriptors: readdirSync('/proc/self/fd').length,
      threads: readdirSync('/proc/self/task').length,
      // Not the number of mappings: neighbours merge, so a slab that stays may not show there.
      megabytes: Number(/^VmSize:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024,
    })
    let before
    for (let round = 0; round < 110; round++) {
      if (round === 10) before = count() // what is made once has been made
      const volume = await exportIn(options)
      await volume.stop()
      globalThis.gc()
      await tick(0)
    }
    await tick(50)
    const after = count()
    say(JSON.stringify({ before, after }))
  },
}

if (isMainThread) {
  const [, , ending, transport, lanes, directory] = process.argv
  await endings[ending]({ source: join(directory, 'image'), directory, transport, lanes: Number(lanes) })
} else {
  const volume = await exportIn(workerData)
  parentPort.postMessage(volume.status.volume)
}
