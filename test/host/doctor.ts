/** Findings are states with costs and advice; repairs are announced first and looked at afterwards. */
import { readFileSync } from 'node:fs'
import { pino } from 'pino'
import t from 'tap'
import { examine, lacksSomething, type Probe } from '../../src/host/doctor.js'
import { probes } from '../../src/host/probes.js'
import { silentLogger } from '../../src/log.js'
import { machine, type Machine } from './machine.js'

const only = (name: string): readonly Probe[] => probes.filter((probe) => probe.name === name)

const find = async (fake: Machine, name: string, fix = false) => {
  const [finding] = await examine({ roots: fake, logger: silentLogger, probes: only(name), fix })
  if (finding === undefined) throw new Error(`no probe named ${name}`)
  return finding
}

t.test('every probe of this machine gives a state, and says cost and advice unless it is ok', async (t) => {
  const findings = await examine({ logger: silentLogger })
  t.equal(findings.length, probes.length)
  for (const { name, state, cost, advice } of findings) {
    t.match(state, /^(ok|degraded|missing)$/, name)
    if (state !== 'ok') t.match(`${String(cost)} / ${String(advice)}`, /.{10} \/ .{5}/, name)
  }
})

t.test('a probe that throws is a finding, and the others still run', async (t) => {
  const broken: Probe = { name: 'broken', probe: () => Promise.reject(new Error('no such luck')) }
  const findings = await examine({
    logger: silentLogger,
    probes: [broken, { name: 'next', probe: () => ({ state: 'ok', found: 'x' }) }],
  })
  t.match(findings, [
    { name: 'broken', state: 'degraded', found: 'no such luck' },
    { name: 'next', state: 'ok' },
  ])
})

t.test('a repair is announced, done, and looked at again', async (t) => {
  const lines: string[] = []
  let healthy = false
  const probe: Probe = {
    name: 'switch',
    probe: () =>
      healthy
        ? { state: 'ok', found: 'on' }
        : {
            state: 'degraded',
            found: 'off',
            cost: 'speed',
            advice: 'switch it on',
            fix: {
              fixing: 'switching it on',
              apply: () => {
                lines.push('applied')
                healthy = true
                return Promise.resolve()
              },
            },
          },
  }
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  t.match(await examine({ logger, probes: [probe] }), [{ state: 'degraded', fixable: true }])
  t.strictSame(lines, [], 'nothing is done unless asked for')
  t.match(await examine({ logger, probes: [probe], fix: true }), [{ state: 'ok', fixable: false }])
  t.match(lines, [/switching it on/, 'applied'])
})

t.test('only what is missing makes the machine unfit', (t) => {
  const finding = { name: '', found: '', fixable: false }
  t.notOk(
    lacksSomething([
      { ...finding, state: 'ok' },
      { ...finding, state: 'degraded' },
    ]),
  )
  t.ok(lacksSomething([{ ...finding, state: 'missing' }]))
  t.end()
})

t.test('FUSE-over-io_uring: absent, off, on, and switched on', async (t) => {
  const fake = machine(t)
  t.match(await find(fake, 'FUSE over io_uring'), { state: 'degraded', fixable: false })
  const path = fake.write('sys/module/fuse/parameters/enable_uring', 'N\n')
  t.match(await find(fake, 'FUSE over io_uring'), { state: 'degraded', fixable: true, advice: /doctor --fix/ })
  t.match(await find(fake, 'FUSE over io_uring', true), { state: 'ok' })
  t.equal(readFileSync(path, 'utf8'), 'Y')
})

t.test('a request limit below 1 MiB and request timeouts are degraded', async (t) => {
  const fake = machine(t)
  t.match(await find(fake, 'largest request'), { state: 'ok', found: '1M' }, 'without the sysctl it is 256 pages')
  fake.write('proc/sys/fs/fuse/max_pages_limit', '32\n')
  t.match(await find(fake, 'largest request'), { state: 'degraded', found: '128K', advice: /max_pages_limit=256/ })
  fake.write('proc/sys/fs/fuse/default_request_timeout', '0\n')
  t.match(await find(fake, 'request timeouts'), { state: 'ok' })
  fake.write('proc/sys/fs/fuse/max_request_timeout', '30\n')
  t.match(await find(fake, 'request timeouts'), { state: 'degraded', found: 'fs.fuse.max_request_timeout=30 s' })
})

t.test('CPUs of a guest that halt as soon as they are idle are degraded', async (t) => {
  const fake = machine(t)
  t.match(await find(fake, 'idle CPUs'), { state: 'ok', found: 'left to the machine' })
  fake.write('sys/module/haltpoll/parameters/guest_halt_poll_ns', '0\n')
  fake.write('sys/devices/system/cpu/cpuidle/current_governor', 'menu\n')
  t.match(await find(fake, 'idle CPUs'), { state: 'ok' }, 'without that governor the number means nothing')
  fake.write('sys/devices/system/cpu/cpuidle/current_governor', 'haltpoll\n')
  t.match(await find(fake, 'idle CPUs'), {
    state: 'degraded',
    fixable: false,
    advice: /echo 200000 > .*guest_halt_poll/,
  })
  fake.write('sys/module/haltpoll/parameters/guest_halt_poll_ns', '200000\n')
  t.match(await find(fake, 'idle CPUs'), { state: 'ok', found: 'poll for 200000 ns before they halt' })
})

t.test('a machine without FUSE, and a process without capabilities, is unfit', async (t) => {
  const fake = machine(t)
  fake.write('proc/filesystems', 'nodev\ttmpfs\nnodev\tfusectl\n')
  t.match(await find(fake, 'FUSE'), { state: 'missing' })
  fake.write('proc/filesystems', 'nodev\tfuse\n')
  t.match(await find(fake, 'FUSE'), { state: 'ok' })
  fake.write('proc/self/status', 'CapEff:\t0000000000000000\n')
  t.match(await find(fake, 'right to mount'), { state: 'missing' })
  fake.write('proc/self/limits', 'Max locked memory         8388608              8388608              bytes\n')
  t.match(await find(fake, 'locked memory'), { state: 'degraded', found: '8M' })
  fake.write('proc/self/status', 'CapEff:\t000001fffeffffff\n')
  t.match(await find(fake, 'right to mount'), { state: 'ok' })
  t.match(await find(fake, 'locked memory'), { state: 'ok' })
})

t.test('volumes of dead daemons and mounts that no volume knows are found', async (t) => {
  const fake = machine(t)
  fake.mounts('30 1 0:50 / /mnt/stray rw - fuse.ringvol x rw', '31 1 0:51 / /mnt/other rw - fuse.sshfs y rw')
  t.match(await find(fake, 'stray mounts'), { state: 'degraded', found: '/mnt/stray' })
  t.match(await find(fake, 'dead volumes'), { state: 'ok' })
  const owner = { pid: 999_999, startTime: 1 }
  const state = { version: 1, name: 'disk', source: '/d', mountpoint: '/mnt/stray', owner, options: {}, status: null }
  fake.write('run/disk/state.json', JSON.stringify(state))
  t.match(await find(fake, 'dead volumes'), { state: 'degraded', found: 'disk', fixable: true })
  t.match(await find(fake, 'stray mounts'), { state: 'ok' })
})
