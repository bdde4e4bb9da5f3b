/**
 * `npm run torture`: all scenarios in random order for as long as asked, and one table of what was done and what broke.
 *
 * A failure does not end the run, because a nightly run should tell all that it can. It is printed when it happens,
 * with the command that repeats it.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import yargs from 'yargs'
import { transportNames, type TransportName } from '../../../src/transport/transport.js'
import { lacksTransport } from '../../support/ringvol.js'
import { randomFrom } from '../../support/seed.js'
import { abandoned, sweep } from '../../support/sweep.js'
import { deal, loadScenarios, pairs, type Turn } from './deck.js'
import { kindOf, summary, type Outcome } from './report.js'

/** After its time is up, for the call that runs to end and to clean up. Every wait inside has a shorter deadline. */
const graceMs = 240_000

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

const runTs = fileURLToPath(new URL('../../../scripts/run-ts.sh', import.meta.url))
const one = fileURLToPath(new URL('one.ts', import.meta.url))

/** The outcomes of one process. One that ends without a word, or not at all, is an outcome too. */
const take = async ({ scenario, transport }: Turn, seed: number, sliceMs: number): Promise<Outcome[]> => {
  const child = spawn(runTs, [one, scenario.name, transport, String(seed), String(Date.now() + sliceMs)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const outcomes: Outcome[] = []
  let words = ''
  createInterface({ input: child.stdout }).on('line', (line) => outcomes.push(JSON.parse(line) as Outcome))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-8000)))
  const timer = setTimeout(() => child.kill('SIGKILL'), sliceMs + graceMs)
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.once('close', (...ended) => {
      resolve(ended)
    })
  })
  clearTimeout(timer)
  for (const directory of abandoned()) sweep(directory)
  if (code === 0 || outcomes.some(({ failure }) => failure !== undefined)) return outcomes
  const end =
    signal === 'SIGKILL' ? `no end within ${String(sliceMs + graceMs)} ms` : (signal ?? `ended with ${String(code)}`)
  const failure = `the process of the scenario: ${end}: ${words}`
  return [...outcomes, { scenario: scenario.name, transport, seed, counts: {}, failure }]
}

const parse = (words: readonly string[]) =>
  yargs(words)
    .scriptName('npm run torture --')
    .usage('$0 [options]\n\nfaults, kills and random work until the time is up')
    .option('minutes', { type: 'number', default: 5, describe: 'how long' })
    .option('slice', { type: 'number', default: 20, describe: 'seconds of one scenario at a time' })
    .option('only', { type: 'string', describe: 'these scenarios, with commas between' })
    .option('transport', { type: 'string', describe: 'these transports, with commas between' })
    .option('seed', {
      type: 'number',
      default: Math.floor(Math.random() * 2 ** 31),
      defaultDescription: 'another each time',
      describe: 'the order and the choices of a run',
    }) // prettier-ignore
    .strict()
    .version(false)
    .fail((message: string) => {
      process.stderr.write(`torture: ${message}; see npm run torture -- --help\n`)
      process.exit(2)
    })
    .parseAsync()

const chosen = <T extends string>(option: string, text: string | undefined, known: readonly T[]): T[] => {
  const names = text?.split(',') ?? [...known]
  const unknown = names.find((name) => !known.some((each) => each === name))
  if (unknown !== undefined) {
    process.stderr.write(`torture: --${option} '${unknown}' is unknown; choose of ${known.join(', ')}\n`)
    process.exit(2)
  }
  return known.filter((name) => names.includes(name))
}

/** Passthrough needs a carrier, which may be any. */
const lacks = (transport: TransportName): string | false =>
  lacksTransport(transport === 'passthrough' ? 'syscall' : transport)

const main = async (): Promise<number> => {
  const settings = await parse(process.argv.slice(2))
  const scenarios = await loadScenarios()
  const names = chosen(
    'only',
    settings.only,
    scenarios.map(({ name }) => name),
  )
  const wanted = chosen('transport', settings.transport, transportNames)
  const transports = wanted.filter((transport) => lacks(transport) === false)
  for (const transport of wanted)
    if (lacks(transport) !== false) say(`torture: not ${transport}: ${String(lacks(transport))}`)
  const turns = pairs(
    scenarios.filter(({ name }) => names.includes(name)),
    transports,
  )
  const random = randomFrom(settings.seed)
  const end = Date.now() + settings.minutes * 60_000
  say(`torture: ${names.join(', ')} on ${transports.join(', ')} for ${String(settings.minutes)} min, seed ${String(settings.seed)}`) // prettier-ignore
  const outcomes: Outcome[] = []
  for (const turn of deal(turns, random)) {
    if (Date.now() >= end || turns.length === 0) break
    const seed = random.below(2 ** 31)
    const sliceMs = Math.min(settings.slice * 1000, end - Date.now())
    const taken = await take(turn, seed, sliceMs)
    outcomes.push(...taken)
    const left = Math.max(0, Math.ceil((end - Date.now()) / 60_000))
    say(`torture: ${turn.scenario.name} on ${turn.transport}: ${String(taken.length)} tries; ${String(left)} min left`)
    for (const { failure, seed, scenario, transport } of taken) {
      if (failure === undefined) continue
      say(`FAILED (${kindOf(failure)}): ${failure}\n  again: scripts/run-ts.sh test/torture/runner/one.ts ${scenario} ${transport} ${String(seed)}`) // prettier-ignore
    }
  }
  say(`\n${summary(outcomes)}`)
  return outcomes.some(({ failure }) => failure !== undefined) ? 1 : 0
}

const status = await main().finally(() => sweep())
process.exit(status)
