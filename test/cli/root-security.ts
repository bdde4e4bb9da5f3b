/**
 * What another user of the machine can reach of a volume (nothing), and what the daemon itself could still do (only
 * what serving takes).
 *
 * The directories above are opened for everybody one after the other, so that each defence is seen by itself.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { keptCapabilities } from '../../src/host/server-process.js'
import { mountsUnder } from '../support/mounts.js'
import { attempt, inChild, start, until, type Result } from '../support/process.js'
import { attach, ringvol, serve, sparseImage } from '../support/ringvol.js'
import { freshDirectory, freshPath, runDirectory, scratch } from '../support/scratch.js'
import { suite } from '../support/suite.js'

const MiB = 1 << 20
const nobody = 65534
const identity = [`--reuid=${String(nobody)}`, `--regid=${String(nobody)}`, '--clear-groups']
const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const line = /^ringvol: [^\n]+\n$/

/** Without what tap gives its children: nobody cannot write where they would leave their traces. */
const asNobody = (command: string, args: readonly string[]): Promise<Result> =>
  attempt('setpriv', [...identity, 'env', '-u', 'NODE_OPTIONS', command, ...args])

/** What reading, writing and entering each path gives nobody: the name of the error, or `done`. */
const reach = async (...paths: readonly string[]): Promise<string[][]> => {
  const program = `
    const fs = require('node:fs')
    const outcome = (action) => { try { action(); return 'done' } catch (error) { return error.code } }
    console.log(JSON.stringify(process.argv.slice(1).map((path) => [
      outcome(() => fs.accessSync(path, fs.constants.R_OK)),
      outcome(() => fs.accessSync(path, fs.constants.W_OK)),
      outcome(() => fs.statSync(path + '/x')),
    ])))`
  const { stdout, stderr } = await asNobody(process.execPath, ['-e', program, ...paths])
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as string[][]
}

/** What connecting to the control socket and asking for the status gives nobody. */
const connectAsNobody = async (path: string): Promise<string> => {
  const program = `
    const socket = require('node:net').createConnection(process.argv[1], () => socket.write('{"command":"status"}\\n'))
    socket.on('data', (data) => console.log(String(data).trim())).on('error', (error) => console.log(error.code))`
  return (await asNobody(process.execPath, ['-e', program, path])).stdout.trim()
}

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)

interface Thread {
  readonly newPrivileges: boolean
  readonly capabilities: bigint
  readonly bounding: bigint
}

const threadsOf = (pid: number): Thread[] =>
  readdirSync(`/proc/${String(pid)}/task`).map((task) => {
    const status = readFileSync(`/proc/${String(pid)}/task/${task}/status`, 'utf8')
    const field = (name: string): string => new RegExp(`^${name}:\\s*(\\S+)$`, 'm').exec(status)?.[1] ?? ''
    return {
      newPrivileges: field('NoNewPrivs') !== '1',
      capabilities: BigInt(`0x${field('CapPrm')}`) | BigInt(`0x${field('CapEff')}`) | BigInt(`0x${field('CapInh')}`),
      bounding: BigInt(`0x${field('CapBnd')}`),
    }
  })

const kept = Object.values(keptCapabilities).reduce((set, number) => set | (1n << BigInt(number)), 0n)

/** A clone below /root, say: no other user can run it. */
const unreadable =
  (await asNobody('test', ['-r', main])).code !== 0 && 'this clone lies where no other user can read it'

await suite(t, { needs: ['command:setpriv'] }, () => {
  chmodSync(scratch, 0o755)

  t.test('another user reaches nothing of a volume, whichever door is left open', async (t) => {
    const { status, detach } = await attach(sparseImage(4 * MiB), ['--name', 'private'])
    const folder = join(runDirectory, 'private')
    const inside = ['state.json', 'device.json', 'log', 'control', 'mount', 'mount/volume'].map((name) =>
      join(folder, name),
    )
    const closed = ['EACCES', 'EACCES', 'EACCES']
    t.equal(mode(runDirectory), '700')
    const all = [runDirectory, folder, ...inside]
    t.strictSame(
      await reach(...all),
      all.map(() => closed),
      'the run directory is closed',
    )
    chmodSync(runDirectory, 0o755)
    t.equal(mode(folder), '700')
    t.strictSame(
      await reach(folder, ...inside),
      [folder, ...inside].map(() => closed),
      'the folder is closed',
    )
    chmodSync(folder, 0o755)
    for (const [index, outcomes] of (await reach(...inside)).entries()) {
      t.strictSame(outcomes.slice(0, 2), ['EACCES', 'EACCES'], `${inside[index] ?? ''} by itself`)
    }
    for (const name of ['state.json', 'device.json', 'log', 'control']) t.equal(mode(join(folder, name)), '600', name)
    t.equal(await connectAsNobody(join(folder, 'control')), 'EACCES')
    const volume = await inChild(async (path) => {
      const { statSync } = await import('node:fs')
      return statSync(path).mode & 0o777
    }, status.volume)
    t.equal(volume, 0o600)
    chmodSync(join(folder, 'control'), 0o666)
    t.match(JSON.parse(await connectAsNobody(join(folder, 'control'))), { ok: false, code: 'ERR_PERMISSION' })
    t.match(await ringvol(['info', 'private']), { code: 0 }, 'root is still heard')
    chmodSync(folder, 0o700)
    await detach()
    chmodSync(runDirectory, 0o700)
  })

  t.test('list, info and detach by another user are one line and exit status 3', { skip: unreadable }, async (t) => {
    const { detach } = await attach(sparseImage(4 * MiB), ['--name', 'private'])
    for (const command of [['list'], ['info', 'private'], ['detach', 'private']]) {
      const result = await asNobody(process.execPath, [main, ...command])
      t.equal(result.code, 3, `${command.join(' ')}: ${result.stderr}`)
      t.equal(result.stdout, '')
      t.match(result.stderr, /cannot read .*run: EACCES; run as root/)
      t.equal(result.stderr.trim().split('\n').length, 1, result.stderr)
    }
    await detach()
  })

  t.test('with --allow-other the permissions of the file still hold', async (t) => {
    const served = await serve('memory:1M', ['--allow-other'])
    chmodSync(served.status.mountpoint.replace(/\/[^/]*$/, ''), 0o755)
    t.strictSame((await reach(served.volume))[0]?.slice(0, 2), ['EACCES', 'EACCES'])
    t.match(readFileSync('/proc/self/mountinfo', 'utf8').split('\n').find((text) => text.includes(served.status.mountpoint)) ?? '', /default_permissions/) // prettier-ignore
    await served.stop()
    const open = await serve('memory:1M', ['--allow-other', '--mode', '644'])
    t.strictSame((await reach(open.volume))[0]?.slice(0, 2), ['done', 'EACCES'], 'and they can be widened on purpose')
    await open.stop()
  })

  t.test('every thread of a daemon has what serving takes and no more, however it was started', async (t) => {
    const attached = await attach(sparseImage(4 * MiB), ['--lanes', '2'])
    const served = await serve('memory:1M')
    const pids = { attach: attached.status.pid, serve: served.status.pid }
    for (const [how, pid] of Object.entries(pids)) {
      const threads = threadsOf(pid)
      t.ok(threads.length > 4, `${how}: ${String(threads.length)} threads`)
      for (const { newPrivileges, capabilities, bounding } of threads) {
        t.notOk(newPrivileges, `${how}: no new privileges`)
        t.equal(capabilities & ~kept, 0n, `${how}: capabilities ${capabilities.toString(16)}`)
        t.equal(bounding & ~kept, 0n, `${how}: bounding set ${bounding.toString(16)}`)
        t.not(capabilities & (1n << 21n), 0n, `${how}: CAP_SYS_ADMIN is there to unmount with`)
      }
    }
    await served.stop()
    await attached.detach()
    const program = 'grep -E "^(NoNewPrivs|CapBnd)" /proc/self/status'
    const run = await ringvol(['-q', 'run', 'memory:1M', '--', 'sh', '-c', program])
    t.equal(run.stdout, (await attempt('sh', ['-c', program])).stdout, 'the command of run keeps what it had')
  })

  t.test('a daemon without all capabilities still names a user who has the volume open', async (t) => {
    const served = await serve('memory:1M', ['--allow-other', '--mode', '644'])
    chmodSync(served.status.mountpoint.replace(/\/[^/]*$/, ''), 0o755)
    const holder = start('setpriv', [...identity, 'sh', '-c', `exec 3<${served.volume}; echo open; exec sleep 60`])
    await holder.line()
    served.daemon.child.kill('SIGTERM')
    await until('the daemon says who', () => served.daemon.stderr().includes('still open'))
    t.match(served.daemon.stderr(), new RegExp(`open in (sh|sleep) \\(pid ${String(holder.pid)}\\)`))
    holder.child.kill('SIGKILL')
    await holder.ended()
    t.match(await served.stop(), { code: 143 }, 'the second signal ends it')
  })

  t.test('a mountpoint that turns into a symlink after it was checked is refused', async (t) => {
    for (const what of ['the mountpoint', 'the directory above it']) {
      const above = freshDirectory('above')
      const mountpoint = join(above, 'mnt')
      const victim = freshDirectory('victim')
      mkdirSync(mountpoint)
      mkdirSync(join(victim, 'mnt'))
      const [from, to] = what === 'the mountpoint' ? [mountpoint, victim] : [above, victim]
      const module = `${freshPath('swap')}.mjs`
      writeFileSync(
        module,
        `import { renameSync, symlinkSync } from 'node:fs'
        const can = { write: false, flush: false, trim: false, zero: false, extents: false, lanes: false }
        export default { name: 'swap', size: 1048576, blockSize: 4096, can, read: () => {}, write: () => {},
          open: async () => {
            renameSync(${JSON.stringify(from)}, ${JSON.stringify(`${from}.gone`)})
            symlinkSync(${JSON.stringify(to)}, ${JSON.stringify(from)})
          }, close: async () => {} }`,
      )
      const result = await ringvol(['-q', 'serve', `module:${module}`, mountpoint])
      t.match(result, { code: 1, stdout: '', stderr: /cannot mount on .*mnt: (ELOOP|ENOTDIR)/ }, what)
      t.ok(existsSync(`${from}.gone`), 'it was swapped')
      t.strictSame(mountsUnder(victim), [], 'nothing is mounted where the symlink leads')
      t.strictSame(readdirSync(runDirectory), [])
    }
  })

  t.test('a run directory that others may write is not used', async (t) => {
    const run = freshDirectory('run')
    const environment = { RINGVOL_RUN: run }
    const refuse = async (says: RegExp): Promise<void> => {
      for (const args of [
        ['attach', 'memory:1M'],
        ['detach', 'disk'],
      ]) {
        const result = await ringvol(['-q', ...args], { environment })
        t.match(result, { code: 3, stdout: '' }, args.join(' '))
        t.match(result.stderr, line)
        t.match(result.stderr, says)
      }
    }
    chmodSync(run, 0o777)
    await refuse(/the run directory .* may be written by others; set RINGVOL_RUN/)
    chmodSync(run, 0o700)
    chownSync(run, nobody, nobody)
    await refuse(/the run directory .* belongs to user 65534/)
  })

  t.test('memory stays out of core dumps where payload passes through JavaScript', async (t) => {
    const filterOf = (pid: number): number =>
      parseInt(readFileSync(`/proc/${String(pid)}/coredump_filter`, 'utf8').trim(), 16)
    const memory = await serve('memory:1M')
    const file = await serve(sparseImage(MiB))
    t.equal(filterOf(memory.status.pid) & 0x0f, 0)
    t.equal(filterOf(file.status.pid), filterOf(process.pid), 'a file’s payload is in slots, which are left out anyway')
    await memory.stop()
    await file.stop()
  })
})
