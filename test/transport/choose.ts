/**
 * Every branch of the choice: what `auto` takes and why, what carries requests beside passthrough, and what a forced
 * transport that cannot run says.
 */
import t from 'tap'
import { RingvolError } from '../../src/errors.js'
import { chooseCarrier, chooseTransport, type TransportFacts } from '../../src/transport/choose.js'
import { transportNames, type TransportName } from '../../src/transport/transport.js'

/** A machine with everything, and a backend without a file. */
const all: TransportFacts = {
  offersUring: true,
  offersPassthrough: true,
  file: 'none',
  fileAlignment: 1,
  overIoUring: 'on',
  ioUring: { available: true, reason: '', features: ['sqe128', 'uring-cmd', 'read-multishot'] },
}
const raw: TransportFacts = { ...all, file: 'regular', fileAlignment: 512 }
const withFeatures = (...features: string[]): TransportFacts => ({ ...all, ioUring: { ...all.ioUring, features } })
const refused = { available: false, reason: 'seccomp forbids it', features: [] }
const ringless: TransportFacts = { ...all, ioUring: refused }

const refusal = (requested: TransportName, facts: TransportFacts): string => {
  try {
    return `chose ${chooseTransport(requested, facts).transport}`
  } catch (error) {
    if (error instanceof RingvolError && error.code === 'ERR_TRANSPORT') return error.message
    throw error
  }
}

t.test('auto takes the best that runs, and says what kept it from better ones', (t) => {
  const cases: readonly (readonly [string, TransportFacts, string, string, RegExp])[] = [
    [
      'a raw image',
      raw,
      'passthrough',
      'uring',
      /^the kernel moves the data of a raw image itself; requests over uring: the kernel offers FUSE-over-io_uring$/,
    ],
    ['a raw image, no ring', { ...raw, ioUring: refused }, 'passthrough', 'syscall', /^the kernel moves the data/],
    ['a raw image, old kernel', { ...raw, offersPassthrough: false }, 'uring', 'uring', /does not offer passthrough; /],
    ['an image on 4096-byte sectors', { ...raw, fileAlignment: 4096 }, 'uring', 'uring', /needs 4096-byte blocks/],
    ['a block device', { ...raw, file: 'device' }, 'uring', 'uring', /regular files only; /],
    [
      'a layer or another backend',
      all,
      'uring',
      'uring',
      /must see the bytes.*; the kernel offers FUSE-over-io_uring$/,
    ],
    ['the parameter is off', { ...all, overIoUring: 'off' }, 'classic', 'classic', /enable_uring=N.*; \/dev\/fuse driven by io_uring$/], // prettier-ignore
    ['the kernel is too old', { ...all, overIoUring: 'absent' }, 'classic', 'classic', /has no FUSE-over-io_uring/],
    [
      'the mount is not offered it',
      { ...all, offersUring: false },
      'classic',
      'classic',
      /does not offer .* this mount/,
    ],
    ['commands are missing', withFeatures('sqe128', 'read-multishot'), 'classic', 'classic', /lacks uring-cmd;/],
    ['large entries are missing', withFeatures('uring-cmd'), 'classic', 'classic', /lacks sqe128;/],
    ['both are missing', withFeatures(), 'classic', 'classic', /lacks sqe128 and uring-cmd;/],
    [
      'io_uring is refused',
      ringless,
      'syscall',
      'syscall',
      /seccomp forbids it.*; plain read and write on \/dev\/fuse$/,
    ],
  ]
  for (const [what, facts, transport, carrier, reason] of cases) {
    const choice = chooseTransport('auto', facts)
    t.strictSame([choice.transport, choice.carrier], [transport, carrier], what)
    t.match(choice.reason, reason, what)
    t.notMatch(choice.reason, /\n/, 'one line')
  }
  t.end()
})

t.test('a reason is not said twice', (t) => {
  const { reason } = chooseTransport('auto', ringless)
  t.equal(reason.split('seccomp forbids it').length, 2, reason)
  t.end()
})

t.test('what is asked for and can run is taken, also where a better one would be', (t) => {
  for (const transport of ['uring', 'classic', 'syscall'] as const) {
    const choice = chooseTransport(transport, raw)
    t.equal(choice.transport, transport)
    t.equal(choice.carrier, transport)
    t.match(choice.reason, /^requested; /)
  }
  t.equal(chooseTransport('syscall', ringless).transport, 'syscall', 'needs nothing but FUSE')
  t.equal(chooseTransport('classic', withFeatures()).transport, 'classic', 'needs no feature of its own')
  t.match(chooseTransport('passthrough', raw), { transport: 'passthrough', carrier: 'uring', reason: /^requested; / })
  t.end()
})

t.test('what is asked for and cannot run is refused with the reason and what to do', (t) => {
  t.match(refusal('uring', { ...all, overIoUring: 'off' }), /uring is not available: .*switched off.*doctor --fix/)
  t.match(refusal('uring', { ...all, overIoUring: 'absent' }), /has no FUSE-over-io_uring; use --transport classic$/)
  t.match(refusal('uring', { ...all, offersUring: false }), /does not offer .*; use --transport auto$/)
  t.match(refusal('uring', withFeatures('sqe128')), /lacks uring-cmd; use --transport auto$/)
  t.match(refusal('uring', ringless), /seccomp forbids it; use --transport syscall$/)
  t.match(refusal('classic', ringless), /seccomp forbids it; use --transport syscall$/)
  t.match(refusal('passthrough', all), /passthrough is not available: .*must see the bytes.*; use --transport auto$/)
  t.match(refusal('passthrough', { ...raw, file: 'device' }), /regular files only/)
  t.match(refusal('passthrough', { ...raw, offersPassthrough: false }), /does not offer passthrough/)
  t.match(refusal('passthrough', { ...raw, fileAlignment: 4096 }), /4096-byte blocks/)
  t.end()
})

t.test('a refusal ends the command line with 3: the machine lacks it', (t) => {
  try {
    chooseTransport('passthrough', all)
    t.fail('it was chosen')
  } catch (error) {
    t.equal((error as RingvolError).exitCode, 3)
  }
  t.end()
})

t.test('whatever the machine is like, auto finds a transport, and a carrier that moves requests', (t) => {
  for (const offersUring of [true, false]) {
    for (const overIoUring of ['on', 'off', 'absent'] as const) {
      for (const ioUring of [all.ioUring, refused, { ...all.ioUring, features: [] }]) {
        for (const file of ['none', 'device', 'regular'] as const) {
          const facts = { ...all, offersUring, overIoUring, ioUring, file }
          const choice = chooseTransport('auto', facts)
          t.ok(transportNames.includes(choice.transport))
          t.not(choice.carrier, 'passthrough')
          t.equal(choice.carrier, chooseCarrier(facts).carrier)
          t.not(choice.reason, '')
        }
      }
    }
  }
  t.end()
})
