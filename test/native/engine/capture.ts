/**
 * Makes the corpus of fuzz.cc: the messages of a real kernel, as `strace` sees the daemon read them.
 *
 *   npm run build && sudo scripts/run-ts.sh test/native/engine/capture.ts
 *
 * One file per kind and length of request, and one with the beginning of the whole conversation. The first byte is the
 * transport, which replay.cc and the fuzzer vary.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { opcode } from '../../../src/protocol/abi.js'
import { run, start, until } from '../../support/process.js'
import { serve, sparseImage } from '../../support/ringvol.js'
import { freshPath } from '../../support/scratch.js'
import { sweep } from '../../support/sweep.js'

const corpus = fileURLToPath(new URL('corpus/', import.meta.url))
const names = new Map<number, string>(Object.entries(opcode).map(([name, number]) => [number, name.toLowerCase()]))
/** Bytes: a message longer than this teaches a fuzzer nothing that its header does not. */
const longest = 700
const conversationBytes = 4096

const use = (volume: string): Promise<unknown> =>
  run('bash', [
    '-c',
    `v=$1 d=\${1%/*}
    ls -la $d; stat -f $d; stat $d/other; mkdir $d/x; rm -f $v; mv $v $d/y; ln $v $d/z; ln -s a $d/s
    chmod 640 $v; touch $v; : >$v; truncate -s 1 $v; sync -f $v
    xfs_io -c 'pwrite -q -S 0x61 4096 512' -c 'pread -q 4096 512' -c fsync -c 'fpunch 0 4096' -c 'fzero 0 4096' \
      -c 'falloc 0 4096' -c 'seek -h 0' -c 'seek -d 0' -c 'statx -r' $v
    true`,
    'use',
    volume,
  ])

const unescaped = (text: string): Buffer => Buffer.from(text.replaceAll('\\x', ''), 'hex')

const input = (messages: readonly Buffer[]): Buffer =>
  Buffer.concat([
    Buffer.of(0),
    ...messages.flatMap((message) => [Buffer.of(message.length & 0xff, message.length >> 8), message]),
  ])

const main = async (): Promise<void> => {
  const served = await serve(sparseImage(1 << 20), ['--transport', 'syscall'])
  const log = freshPath('strace')
  const pid = String(served.daemon.pid)
  const tracer = start('strace', ['-f', '-xx', '-s', String(longest), '-e', 'trace=read', '-o', log, '-p', pid])
  await until('strace is attached', () => !/^TracerPid:\t0$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')))
  await use(served.volume)
  tracer.child.kill('SIGINT')
  await tracer.ended()
  await served.stop()
  const messages = [
    ...readFileSync(log, 'utf8').matchAll(/read\(\d+, "((?:\\x[0-9a-f]{2})+)"(?:\.\.\.)?, \d+\) = (\d+)$/gm),
  ]
    .map(([, bytes = '', length]) => ({ bytes: unescaped(bytes), length: Number(length) }))
    .filter(({ bytes, length }) => bytes.length === length && length >= 40 && bytes.readUInt32LE(0) === length)
    .map(({ bytes }) => bytes)
  rmSync(corpus, { recursive: true, force: true })
  mkdirSync(corpus)
  for (const message of messages) {
    const name = names.get(message.readUInt32LE(4)) ?? 'unknown'
    writeFileSync(`${corpus}${name}-${String(message.length)}`, input([message]))
  }
  let total = 0
  const first = messages.filter((message) => (total += message.length) < conversationBytes)
  writeFileSync(`${corpus}conversation`, input(first))
  process.stdout.write(`${String(messages.length)} messages\n`)
}

try {
  await main()
} finally {
  sweep()
}
