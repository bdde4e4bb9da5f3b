/**
 * What a run of torture has to say: what was done, and what went wrong, by kind.
 */
import { formatTable } from '../../../src/cli/table.js'
import { tortureCounts, type TortureCount } from '../scenario.js'

/** `lost`: data, or any other promise that a scenario found broken. */
export const failureKinds = ['lost', 'hung', 'crashed', 'sanitizer'] as const
export type FailureKind = (typeof failureKinds)[number]

/** One call of a scenario; `failure` is the text of what it threw. */
export interface Outcome {
  readonly scenario: string
  readonly transport: string
  readonly seed: number
  readonly counts: Readonly<Partial<Record<TortureCount, number>>>
  readonly failure?: string
}

export const kindOf = (failure: string): FailureKind => {
  if (/(Address|Thread|Leak|UndefinedBehavior)Sanitizer|runtime error:/.test(failure)) return 'sanitizer'
  if (/no .+ within \d+ ms|after \d+ ms still not|did not end/.test(failure)) return 'hung'
  return /SIGSEGV|SIGABRT|SIGBUS|SIGILL|ended with 1(32|34|35|39)\b|CHECK failed/.test(failure) ? 'crashed' : 'lost'
}

const sum = (outcomes: readonly Outcome[], what: TortureCount): number =>
  outcomes.reduce((total, { counts }) => total + (counts[what] ?? 0), 0)

const failed = (outcomes: readonly Outcome[], kind: FailureKind): number =>
  outcomes.filter(({ failure }) => failure !== undefined && kindOf(failure) === kind).length

/** One table by scenario and transport, one of what was injected. */
export const summary = (outcomes: readonly Outcome[]): string => {
  const groups = new Map<string, Outcome[]>()
  for (const outcome of outcomes) {
    const key = `${outcome.scenario}\0${outcome.transport}`
    groups.set(key, [...(groups.get(key) ?? []), outcome])
  }
  const row = (names: string[], group: readonly Outcome[]): string[] => [
    ...names,
    String(group.length),
    ...failureKinds.map((kind) => String(failed(group, kind))),
  ]
  const rows = [...groups].sort().map(([key, group]) => row(key.split('\0'), group))
  const injected = tortureCounts.flatMap((what) => {
    const many = sum(outcomes, what)
    return many === 0 ? [] : [[what, many.toLocaleString('en')]]
  })
  return [
    formatTable([['SCENARIO', 'TRANSPORT', 'TRIES', ...failureKinds.map((kind) => kind.toUpperCase())], ...rows, row(['all', ''], outcomes)]), // prettier-ignore
    formatTable([['DONE', 'TIMES'], ...injected]),
  ].join('\n')
}
