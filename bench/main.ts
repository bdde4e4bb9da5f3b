/**
 * Entry of the benchmark: words in, exit status out. bench.sh at the top of the project starts it.
 */
import { constants } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RingvolError } from '../src/errors.js'
import { type Command, type FlameCommand, parseArguments, type RunCommand } from './options.js'
import { compareTable } from './report/compare.js'
import { flameGraph, parseStacks } from './report/flame.js'
import { reportHtml } from './report/html.js'
import { reportTable } from './report/table.js'
import { runBenchmark } from './run.js'
import { summarizeSoak } from './soak-summary.js'
import { readResults, readText, resultName, writeFile } from './store.js'

/** dist/bench/bench/main.js → the checkout. */
const project = fileURLToPath(new URL('../../..', import.meta.url))

const print = (lines: readonly string[]): void => {
  process.stdout.write(`${lines.join('\n')}\n`)
}

class Interrupted extends Error {
  readonly exitCode: number

  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`stopped by ${signal}`)
    this.exitCode = 128 + constants.signals[signal]
  }
}

/** The first signal breaks off what can be broken off; later ones must not break off the taking down. */
const abortOnSignals = (): AbortSignal => {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.stderr.write('bench: still taking everything down\n')
      else controller.abort(new Interrupted(signal))
    })
  }
  return controller.signal
}

const run = async (command: RunCommand): Promise<void> => {
  const results = await runBenchmark(command, project, abortOnSignals())
  print(reportTable(results))
  const json = command.json ?? join(project, 'bench/results', resultName(results.startedAt))
  writeFile(json, `${JSON.stringify(results, null, 1)}\n`)
  process.stderr.write(`results: ${json}\n`)
  if (command.html !== null) {
    writeFile(command.html, reportHtml(results))
    process.stderr.write(`page: ${command.html}\n`)
  }
  const grown = (results.soaks ?? []).filter(({ samples }) => summarizeSoak(samples).grew)
  if (grown.length > 0) {
    const names = grown.map(({ system }) => system).join(', ')
    throw new RingvolError('ERR_DAEMON', `grew under a steady load, see GREW above: ${names}`)
  }
  const peers = new Set(results.systems.filter(({ peer }) => peer).map(({ name }) => name))
  if (results.checks.some(({ ok, system }) => !ok && !peers.has(system))) {
    throw new RingvolError('ERR_BACKEND', 'data came back wrong, see WRONG DATA above: the figures mean nothing')
  }
}

const drawFlames = ({ stacks, svg }: FlameCommand): void => {
  const root = parseStacks(readText(stacks))
  if (root.samples === 0) {
    throw new RingvolError('ERR_SOURCE', `${stacks} holds no stacks`, { advice: 'give what perf script printed' })
  }
  writeFile(svg, flameGraph(root))
}

const execute = async (command: Command): Promise<void> => {
  switch (command.command) {
    case 'run':
      await run(command)
      return
    case 'compare':
      print(compareTable(readResults(command.before), readResults(command.after)))
      return
    case 'flame':
      drawFlames(command)
      return
    case 'report': {
      const results = readResults(command.results)
      print(reportTable(results))
      if (command.html !== null) writeFile(command.html, reportHtml(results))
    }
  }
}

// Whoever read what is said may be gone, as after a Ctrl-C in a pipe: everything is taken down all the same.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
  })
}

try {
  const command = parseArguments(process.argv.slice(2))
  if (command !== null) await execute(command)
} catch (error) {
  if (!(error instanceof RingvolError || error instanceof Interrupted)) throw error
  process.stderr.write(`bench: ${error.message}\n`)
  process.exitCode = error.exitCode
}
