/**
 * What INIT agrees on, and the handshake itself, over a file that stands in for /dev/fuse: reads take the request,
 * writes append the answer.
 */
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  agree,
  offersPassthrough,
  offersUring,
  payloadBytes,
  receiveInit,
  sendInit,
} from '../../src/dispatcher/session.js'
import { addon } from '../../src/native/addon.js'
import { initFlag, openFlag } from '../../src/protocol/abi.js'
import { hasFlag, type InitRequest } from '../../src/protocol/init.js'

const everything = 2 ** 53 - 1
const offer = (flags: number, minor = 45): InitRequest => ({ unique: 2n, major: 7, minor, flags })
const MiB = 1024 * 1024
const wish = { carrier: 'classic', passthrough: false, maxIo: MiB, pagesLimit: 256 } as const

/** Flags that change what a volume is: taking one by accident breaks a promise of docs/protocol.md. */
const neverTaken = ['atomicOTrunc', 'autoInvalData', 'noOpendirSupport'] as const
const alwaysTaken: readonly (keyof typeof initFlag)[] = [
  'asyncRead',
  'bigWrites',
  'asyncDio',
  'parallelDirops',
  'abortError',
  'maxPages',
  'initExt',
  'directIoAllowMmap',
]

t.test('of all that a kernel may offer, exactly the documented flags are taken', (t) => {
  for (const carrier of ['uring', 'classic', 'syscall'] as const) {
    for (const passthrough of [false, true]) {
      const { flags } = agree(offer(everything), { ...wish, carrier, passthrough })
      const expected: readonly (keyof typeof initFlag)[] = [
        ...alwaysTaken,
        ...(carrier === 'uring' ? (['overIoUring'] as const) : []),
        ...(passthrough ? (['passthrough'] as const) : []),
      ]
      const taken = Object.entries(initFlag).flatMap(([name, flag]) => (hasFlag(flags, flag) ? [name] : []))
      t.strictSame(taken.sort(), [...expected].sort(), carrier)
      const sum = expected.reduce((all, name) => all + initFlag[name], 0)
      t.equal(flags, sum, `${carrier}: and none that has no name here`)
    }
  }
  t.equal(alwaysTaken.length + neverTaken.length + 2, Object.keys(initFlag).length, 'every flag has its place above')
  t.end()
})

t.test('FUSE_OVER_IO_URING is announced only where it carries, and only when it was offered', (t) => {
  const uring = { ...wish, carrier: 'uring' } as const
  t.ok(hasFlag(agree(offer(everything), uring).flags, initFlag.overIoUring))
  t.notOk(hasFlag(agree(offer(everything - initFlag.overIoUring), uring).flags, initFlag.overIoUring))
  t.notOk(hasFlag(agree(offer(everything), wish).flags, initFlag.overIoUring))
  t.ok(offersUring(offer(initFlag.overIoUring)))
  t.notOk(offersUring(offer(everything - initFlag.overIoUring)))
  t.end()
})

t.test('passthrough comes with one file system below, and without it there is none', (t) => {
  t.equal(agree(offer(everything), { ...wish, passthrough: true }).maxStackDepth, 1)
  t.equal(agree(offer(everything), wish).maxStackDepth, 0)
  t.ok(offersPassthrough(offer(initFlag.passthrough)))
  t.notOk(offersPassthrough(offer(everything - initFlag.passthrough)))
  t.end()
})

t.test('nothing is taken that was not offered', (t) => {
  t.equal(agree(offer(0), wish).flags, 0)
  t.end()
})

t.test('the largest request is the wish in whole pages, cut to what sysctl and kernel allow', (t) => {
  const pages = (maxIo: number, pagesLimit: number, flags = everything): number => {
    const answer = agree(offer(flags), { ...wish, maxIo, pagesLimit })
    t.equal(answer.maxWrite, answer.maxPages * 4096, 'max_write and max_pages say the same')
    return answer.maxPages
  }
  t.equal(pages(MiB, 256), 256)
  t.equal(pages(MiB, 32), 32, 'fs.fuse.max_pages_limit')
  t.equal(pages(MiB + 4095, 65535), 256, 'rounded down')
  t.equal(pages(16 * MiB, 256), 256)
  t.equal(pages(16 * MiB, 65535), 4096)
  t.equal(pages(2 ** 40, 2 ** 30), 65535, 'max_pages has 16 bits')
  t.equal(pages(1, 256), 1, 'never less than a page')
  t.equal(pages(MiB, 256, everything - initFlag.maxPages), 32, 'built into kernels without MAX_PAGES')
  t.equal(pages(65536, 256, everything - initFlag.maxPages), 16)
  t.end()
})

t.test('a slot holds the largest payload, and never less than the kernel asks for', (t) => {
  t.equal(payloadBytes(agree(offer(everything), wish)), MiB)
  t.equal(payloadBytes(agree(offer(everything), { ...wish, maxIo: 4096 })), 8192, 'FUSE_MIN_READ_BUFFER')
  t.end()
})

t.test('the kernel never throttles a deep queue below what 16 bits hold', (t) => {
  t.equal(agree(offer(everything), wish).maxBackground, 65535)
  t.end()
})

t.test('opens are direct and let writes run in parallel', (t) => {
  t.equal(openFlag.directIo | openFlag.parallelDirectWrites, 0x41)
  t.end()
})

const message = (major: number, minor: number): Buffer => {
  const bytes = Buffer.alloc(40 + 64)
  bytes.writeUInt32LE(bytes.length, 0)
  bytes.writeUInt32LE(26, 4)
  bytes.writeBigUInt64LE(0x55n, 8)
  bytes.writeUInt32LE(major, 40)
  bytes.writeUInt32LE(minor, 44)
  return bytes
}

const unbuilt = ((): string | false => {
  try {
    addon()
    return false
  } catch {
    return 'the addon is not built'
  }
})()

/** One read takes this much, so a message that is to be followed by another one is filled up to it. */
const readSize = 2 * 8192

t.test('the handshake on the device', { skip: unbuilt }, (t) => {
  const device = (content: Buffer): { fd: number; written: () => Buffer } => {
    const path = join(t.testdir({}), 'device')
    writeFileSync(path, content)
    const fd = openSync(path, 'r+')
    t.teardown(() => {
      closeSync(fd)
    })
    return { fd, written: () => readFileSync(path).subarray(content.length) }
  }

  t.test('reads INIT and sends the answer with its number', (t) => {
    const { fd, written } = device(message(7, 45))
    const init = receiveInit(fd)
    t.match(init, { unique: 0x55n, major: 7, minor: 45 })
    sendInit(fd, init, agree(init, wish))
    t.equal(written().length, 80)
    t.equal(written().readBigUInt64LE(8), 0x55n)
    t.end()
  })

  t.test('an older major is an error that names both versions', (t) => {
    t.throws(() => receiveInit(device(message(6, 0)).fd), { code: 'ERR_PROTOCOL', message: /FUSE 6.* 7/ })
    t.end()
  })

  t.test('a newer major is told ours, and may come again with it', (t) => {
    const first = Buffer.alloc(readSize)
    message(8, 0).copy(first)
    const gap = Buffer.alloc(80) // where the answer goes
    const { fd } = device(Buffer.concat([first, gap, message(7, 45)]))
    t.equal(receiveInit(fd).major, 7)
    t.end()
  })

  t.test('no INIT is an error, not a wait', (t) => {
    t.throws(() => receiveInit(device(Buffer.alloc(0)).fd), { code: 'ERR_PROTOCOL', message: /no FUSE_INIT/ })
    const insists = device(message(8, 0))
    t.throws(() => receiveInit(insists.fd), { code: 'ERR_PROTOCOL', message: /no FUSE_INIT/ })
    t.equal(insists.written().readUInt32LE(16), 7, 'it was told the version')
    t.end()
  })
  t.end()
})
