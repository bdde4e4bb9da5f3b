/**
 * Every branch of the choice: what `auto` takes and why, and what a forced transport that cannot run says.
 */
import t from 'tap'
import { RingvolError } from '../../src/errors.js'
import { chooseTransport, type TransportFacts } from '../../src/transport/choose.js'
import { transportNames } from '../../src/transport/transport.js'

const all: TransportFacts = {
  offersUring: true,
  overIoUring: 'on',
  ioUring: { available: true, reason: '', features: ['sqe128', 'uring-cmd', 'read-multishot'] },
}
const withFeatures = (...features: string[]): TransportFacts => ({ ...all, ioUring: { ...all.ioUring, features } })
const refused: TransportFacts = {
  ...all,
  ioUring: { available: false, reason: 'seccomp forbids it', features: [] },
}

const refusal = (requested: Parameters<typeof chooseTransport>[0], facts: TransportFacts): string => {
  try {
    return `chose ${chooseTransport(requested, facts).transport}`
  } catch (error) {
    if (error instanceof RingvolError && error.code === 'ERR_TRANSPORT') return error.message
    throw error
  }
}

t.test('auto takes the best that runs, and says what kept it from better ones', (t) => {
  const cases: readonly (readonly [string, TransportFacts, string, RegExp])[] = [
    ['everything is there', all, 'uring', /^the kernel offers FUSE-over-io_uring$/],
    ['the module parameter is off', { ...all, overIoUring: 'off' }, 'classic', /enable_uring=N.*; \/dev\/fuse driven by io_uring$/], // prettier-ignore
    ['the kernel is too old for it', { ...all, overIoUring: 'absent' }, 'classic', /has no FUSE-over-io_uring/],
    ['this mount is not offered it', { ...all, offersUring: false }, 'classic', /does not offer .* on this mount/],
    ['commands are missing', withFeatures('sqe128', 'read-multishot'), 'classic', /lacks uring-cmd;/],
    ['large entries are missing', withFeatures('uring-cmd'), 'classic', /lacks sqe128;/],
    ['both are missing', withFeatures(), 'classic', /lacks sqe128 and uring-cmd;/],
    ['io_uring is refused', refused, 'syscall', /seccomp forbids it.*; plain read and write on \/dev\/fuse$/],
  ]
  for (const [what, facts, transport, reason] of cases) {
    const choice = chooseTransport('auto', facts)
    t.equal(choice.transport, transport, what)
    t.match(choice.reason, reason, what)
    t.notMatch(choice.reason, /\n|passthrough/, 'one sentence, and nothing about what is not built')
  }
  t.end()
})

t.test('a reason is not said twice', (t) => {
  const { reason } = chooseTransport('auto', refused)
  t.equal(reason.split('seccomp forbids it').length, 2, reason)
  t.end()
})

t.test('what is asked for and can run is taken, also where a better one would be', (t) => {
  for (const transport of ['uring', 'classic', 'syscall'] as const) {
    const choice = chooseTransport(transport, all)
    t.equal(choice.transport, transport)
    t.match(choice.reason, /^requested; /)
  }
  t.equal(chooseTransport('syscall', refused).transport, 'syscall', 'needs nothing but FUSE')
  t.equal(chooseTransport('classic', withFeatures()).transport, 'classic', 'needs no feature of its own')
  t.end()
})

t.test('what is asked for and cannot run is refused with the reason and what to do', (t) => {
  t.match(refusal('uring', { ...all, overIoUring: 'off' }), /uring is not available: .*switched off.*doctor --fix/)
  t.match(refusal('uring', { ...all, overIoUring: 'absent' }), /has no FUSE-over-io_uring; use --transport classic$/)
  t.match(refusal('uring', { ...all, offersUring: false }), /does not offer .*; use --transport auto$/)
  t.match(refusal('uring', withFeatures('sqe128')), /lacks uring-cmd; use --transport auto$/)
  t.match(refusal('uring', refused), /seccomp forbids it; use --transport syscall$/)
  t.match(refusal('classic', refused), /seccomp forbids it; use --transport syscall$/)
  t.match(refusal('passthrough', all), /passthrough is not available: .*not built.*; use auto$/)
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

t.test('whatever the machine is like, auto finds one of the transports that exist', (t) => {
  for (const offersUring of [true, false]) {
    for (const overIoUring of ['on', 'off', 'absent'] as const) {
      for (const ioUring of [all.ioUring, refused.ioUring, { ...all.ioUring, features: [] }]) {
        const choice = chooseTransport('auto', { offersUring, overIoUring, ioUring })
        t.ok(transportNames.includes(choice.transport))
        t.not(choice.reason, '')
      }
    }
  }
  t.end()
})
