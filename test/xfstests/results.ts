/**
 * What goes into fstests and what comes out: its configuration, the verdicts of a run, and what is worse over a volume
 * than over a plain loop device.
 */
export interface Place {
  readonly fileSystem: string
  readonly testDevice: string
  readonly testDirectory: string
  readonly scratchDevice: string
  readonly scratchDirectory: string
  readonly results: string
}

/** For HOST_OPTIONS: `check` reads it with a shell. Nothing is written into the tree of fstests. */
export const configFor = (place: Place): string =>
  Object.entries({
    FSTYP: place.fileSystem,
    TEST_DEV: place.testDevice,
    TEST_DIR: place.testDirectory,
    SCRATCH_DEV: place.scratchDevice,
    SCRATCH_MNT: place.scratchDirectory,
    RESULT_BASE: place.results,
  })
    .map(([name, value]) => `export ${name}='${value}'\n`)
    .join('')

export type Verdict = 'passed' | 'failed' | 'not run'
export type Verdicts = ReadonlyMap<string, Verdict>

/** From the report of `check -R xunit-quiet`. Throws when it holds no test: that is no result. */
export const readVerdicts = (xml: string): Verdicts => {
  const verdicts = new Map<string, Verdict>()
  for (const [, name = '', body = ''] of xml.matchAll(/<testcase [^>]*\bname="([^"]+)"[^>]*>([^]*?)<\/testcase>/g)) {
    verdicts.set(name, body.includes('<failure') ? 'failed' : body.includes('<skipped') ? 'not run' : 'passed')
  }
  if (verdicts.size === 0) throw new Error('the report of check names no test')
  return verdicts
}

export const countVerdicts = (verdicts: Verdicts): string =>
  (['passed', 'failed', 'not run'] as const)
    .map((verdict) => `${String([...verdicts.values()].filter((value) => value === verdict).length)} ${verdict}`)
    .join(', ')

/** One line per test that is worse over a volume; empty: nothing is. */
export const compareVerdicts = (volume: Verdicts, plain: Verdicts): string[] =>
  [...new Set([...volume.keys(), ...plain.keys()])].toSorted().flatMap((name) => {
    const [ours = 'missing', theirs = 'missing'] = [volume.get(name), plain.get(name)]
    // What fails on both says nothing about us, and what passes over us only is no complaint.
    const same = ours === theirs || (ours === 'passed' && theirs === 'failed')
    return same ? [] : [`${name}: ${ours} over ringvol, ${theirs} over a plain loop device`]
  })
