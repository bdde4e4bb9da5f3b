/**
 * What each layer does to the requests that pass through it.
 */
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type Backend } from '../../src/backend/backend.js'
import { checked, type CheckedBackend } from '../../src/backend/checked.js'
import { MemoryBackend } from '../../src/backend/memory.js'
import { ForwardLayer } from '../../src/layer/forward.js'
import { composeLayers, layers } from '../../src/layer/registry.js'
import { type Logger, silentLogger } from '../../src/log.js'

const size = 64 * 1024

const inside = async (
  specs: string[],
  backend: Backend = new MemoryBackend(size),
  logger = silentLogger,
): Promise<CheckedBackend> => {
  const wrapped = checked(composeLayers(specs, backend, { logger }))
  await wrapped.open()
  return wrapped
}

const outcome = async (call: () => unknown): Promise<number> => {
  try {
    await call()
    return 0
  } catch (error) {
    return (error as { errno: number }).errno
  }
}

const { EIO, ENOSPC } = constants.errno

/** Offers everything, so that what comes through is seen. */
class Rich extends MemoryBackend {
  readonly file = { fd: 1, directFd: -1, alignment: 1, memory: true }
  override readonly can = { write: true, flush: true, trim: true, zero: true, extents: true, lanes: true, later: true }
  flush(): void {
    // Everything is where it will be.
  }
}

t.test('no layer forwards the file, nor a capability it has not heard of', async (t) => {
  const specs: Record<string, string> = {
    delay: 'delay:ms=0',
    pause: 'pause:signal=SIGUSR2',
    rate: 'rate:ops=1',
    record: 'record:file=never-opened',
  }
  for (const name of Object.keys(layers)) {
    const layer = composeLayers([specs[name] ?? name], new Rich(size), { logger: silentLogger })
    t.equal(layer.file, undefined, `${name}: file`)
    t.notOk('later' in layer.can, `${name}: later`)
  }
  t.strictSame((await inside(['readonly'], new Rich(size))).can, {
    write: false,
    flush: false,
    trim: false,
    zero: false,
    extents: true,
    lanes: true,
  })
  for (const spec of ['error', 'pause:signal=SIGUSR2', 'rate:ops=1', 'checkwrite']) {
    const backend = await inside([spec], new Rich(size))
    t.equal(backend.can.lanes, false, `${spec}: what it keeps is not shared between lanes`)
    await backend.close()
  }
  t.equal((await inside(['log'], new Rich(size))).can.lanes, true)
})

t.test('a layer keeps a synchronous answer synchronous', async (t) => {
  const backend = await inside(['log', 'error:nth=1000'])
  t.equal(backend.read(Buffer.alloc(512), 0), undefined)
  t.equal(backend.write(Buffer.alloc(512), 0), undefined)
})

t.test('a layer over a backend without the optional methods answers as the contract says', async (t) => {
  const bare: Backend = {
    name: 'bare',
    size,
    blockSize: 512,
    can: { write: true, flush: false, trim: false, zero: false, extents: false, lanes: false },
    open: () => Promise.resolve(),
    read: (target) => {
      target.fill(1)
    },
    write: () => undefined,
    close: () => Promise.resolve(),
  }
  const layer = new ForwardLayer(bare)
  t.strictSame(layer.extents(0, 512), [{ offset: 0, length: 512, kind: 'data' }])
  t.equal(layer.allocated(), size)
  t.equal(layer.allocate(0, 512), undefined)
  const backend = await inside(['log', 'error:op=flush'], bare)
  t.equal(await outcome(() => backend.flush()), EIO, 'a barrier can fail although nothing below needs one')
})

t.test('error: without options every request fails, and none goes down', async (t) => {
  const memory = new MemoryBackend(size)
  const backend = await inside(['error'], memory)
  t.equal(await outcome(() => backend.write(Buffer.alloc(512, 1), 0)), EIO)
  t.equal(memory.allocated(), 0)
  for (const call of [
    () => backend.read(Buffer.alloc(1), 0),
    () => backend.flush(),
    () => backend.trim(0, 1),
    () => backend.zero(0, 1),
  ]) {
    t.equal(await outcome(call), EIO)
  }
})

t.test('error: only the operation named, with the errno named', async (t) => {
  for (const [op, calls] of [
    ['read', [ENOSPC, 0, 0, 0, 0]],
    ['write', [0, ENOSPC, 0, 0, 0]],
    ['flush', [0, 0, ENOSPC, 0, 0]],
    ['trim', [0, 0, 0, ENOSPC, 0]],
    ['zero', [0, 0, 0, 0, ENOSPC]],
  ] as const) {
    const backend = await inside([`error:op=${op},errno=ENOSPC`])
    const found = []
    found.push(await outcome(() => backend.read(Buffer.alloc(1), 0)))
    found.push(await outcome(() => backend.write(Buffer.alloc(1), 0)))
    found.push(await outcome(() => backend.flush()))
    found.push(await outcome(() => backend.trim(0, 1)))
    found.push(await outcome(() => backend.zero(0, 1)))
    t.strictSame(found, calls, op)
  }
})

t.test('error: only requests that touch the range', async (t) => {
  const backend = await inside(['error:offset=4K,length=512'])
  for (const [offset, length, errno] of [
    [0, 4096, 0],
    [0, 4097, EIO],
    [4607, 1, EIO],
    [4608, 512, 0],
    [0, size, EIO],
  ] as const) {
    t.equal(
      await outcome(() => backend.read(Buffer.alloc(length), offset)),
      errno,
      `${String(length)} at ${String(offset)}`,
    )
  }
})

t.test('error: the nth match and no other', async (t) => {
  const backend = await inside(['error:op=write,nth=3'])
  const found = []
  for (let call = 1; call <= 5; call += 1) {
    await backend.read(Buffer.alloc(1), 0)
    found.push(await outcome(() => backend.write(Buffer.alloc(1), 0)))
  }
  t.strictSame(found, [0, 0, EIO, 0, 0])
})

t.test('error: a seed repeats its choices, and the rate is about what was asked for', async (t) => {
  const victims = async (spec: string): Promise<number[]> => {
    const backend = await inside([spec])
    const found = []
    for (let call = 0; call < 2000; call += 1) found.push(await outcome(() => backend.read(Buffer.alloc(1), 0)))
    return found
  }
  const first = await victims('error:probability=10%,seed=42')
  t.strictSame(await victims('error:probability=0.1,seed=42'), first)
  t.strictNotSame(await victims('error:probability=10%,seed=43'), first)
  const hits = first.filter((errno) => errno !== 0).length
  t.ok(hits > 120 && hits < 280, `${String(hits)} of 2000`)
})

t.test('error: a random layer logs a seed that can be given again', async (t) => {
  const lines: string[] = []
  const logger = { info: (line: string) => lines.push(line) } as unknown as Logger
  await inside(['error:probability=50%'], new MemoryBackend(size), logger)
  t.match(lines.join(), /^layer error: seed=\d+$/)
})

t.test('error: active only while its file exists', async (t) => {
  const directory = mkdtempSync('/var/tmp/ringvol-layer-')
  t.teardown(() => {
    rmSync(directory, { recursive: true })
  })
  const trigger = join(directory, 'trigger')
  const backend = await inside([`error:while=${trigger}`])
  const read = (): unknown => backend.read(Buffer.alloc(1), 0)
  t.equal(await outcome(read), 0)
  writeFileSync(trigger, '')
  t.equal(await outcome(read), EIO)
  unlinkSync(trigger)
  t.equal(await outcome(read), 0, 'and goes on without a restart')
})

t.test('error: off until the first signal, on until the next, and deaf once it is closed', async (t) => {
  const lines: string[] = []
  const logger = { info: (line: string) => lines.push(line) } as unknown as Logger
  const heard = process.listenerCount('SIGUSR2')
  const backend = await inside(['error:signal=SIGUSR2'], new MemoryBackend(size), logger)
  const read = (): unknown => backend.read(Buffer.alloc(1), 0)
  const found = [await outcome(read)]
  for (let sent = 1; sent <= 3; sent += 1) {
    process.kill(process.pid, 'SIGUSR2')
    while (lines.length < sent) await new Promise(setImmediate)
    found.push(await outcome(read))
  }
  t.strictSame(found, [0, EIO, 0, EIO])
  t.strictSame(
    lines,
    ['on', 'off', 'on'].map((state) => `layer error: ${state} (SIGUSR2)`),
  )
  await backend.close()
  t.equal(process.listenerCount('SIGUSR2'), heard)
})

t.test('delay: holds back only what is named, and requests wait side by side', async (t) => {
  const backend = await inside(['delay:op=read,ms=50'])
  t.equal(backend.write(Buffer.alloc(512, 7), 0), undefined, 'at once')
  const started = performance.now()
  const targets = Array.from({ length: 100 }, () => Buffer.alloc(512))
  await Promise.all(targets.map(async (target) => backend.read(target, 0)))
  const took = performance.now() - started
  t.ok(took >= 49, `${took.toFixed(0)} ms`)
  t.ok(took < 50 * 50, 'not one after the other')
  t.ok(targets.every((target) => target[0] === 7))
})

t.test('log: a line for each request, with its outcome', async (t) => {
  const lines: [object, string][] = []
  const logger = {
    debug: (fields: object, message: string) => {
      lines.push([fields, message])
    },
    info: () => undefined,
  } as unknown as Logger
  const backend = await inside(
    ['error:op=trim', 'delay:op=write,ms=1', 'log'],
    new MemoryBackend(size, 'memory:x'),
    logger,
  )
  await backend.read(Buffer.alloc(512), 1024)
  await backend.write(Buffer.alloc(8), 0)
  t.equal(await outcome(() => backend.trim(0, 512)), EIO, 'errors pass through')
  t.match(lines, [
    [{ offset: 1024, length: 512, result: 'ok' }, 'memory:x: read'],
    [{ offset: 0, length: 8, result: 'ok' }, 'memory:x: write'],
    [{ offset: 0, length: 512, result: 'EIO' }, 'memory:x: trim'],
  ])
})
