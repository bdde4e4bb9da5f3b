/**
 * The kernel's complaints during a test file. A test that passes while the kernel logs an I/O error has not passed.
 *
 * The log is the whole machine's. A line that names a loop device counts only if it fell while the device was this
 * test's: numbers are given again at once, also to other programs, and a test may have had the number before or after.
 * The kernel itself writes a line when a device gets a file, and the journal one of its own when it knows whose it is
 * (journal.ts). A warning, a bug or a hung task always counts.
 */
import { logMark, recordedDevices } from './journal.js'
import { run } from './process.js'

const complaints = /I\/O error|hung task|blocked for more than|WARNING:|BUG:|Oops|general protection|operation not supported|lost (async|sync) page write|EXT4-fs (error|warning)|XFS .*(corruption|error)|BTRFS (error|critical)/i // prettier-ignore
/** Counts what was said before, of no device in particular; some of it was printed and counts for itself. */
const suppressed = /callbacks suppressed/

/** What the kernel rightly logs when a disk goes away under it. */
export const diskGone = [/I\/O error, dev loop\d+/i, /Buffer I\/O error on dev loop/i, /lost (async|sync) page write/i]

const device = /\b(loop\d+)\b/
const givenAFile = /(loop\d+): detected capacity change from 0 /

/** For each line, the stay of the device it names: every file the device gets begins another one. */
const stays = (lines: readonly string[]): string[] => {
  const serial = new Map<string, number>()
  return lines.map((line) => {
    const name = device.exec(line)?.[1] ?? ''
    if (givenAFile.test(line)) serial.set(name, (serial.get(name) ?? 0) + 1)
    return `${name} ${String(serial.get(name) ?? 0)}`
  })
}

/** Lines of a log that complain about nothing in particular, or about devices while `mark` stands beside their names. */
export const complaintsIn = (lines: readonly string[], mark: string, ever: ReadonlySet<string>): string[] => {
  const stay = stays(lines)
  const marked = (_: string, index: number): boolean => lines[index]?.endsWith(mark) ?? false
  const own = new Set(stay.filter(marked))
  return lines.filter((line, index) => {
    if (!complaints.test(line) || suppressed.test(line)) return false
    const name = device.exec(line)?.[1]
    // Without any mark the log could not be written to, and then having had the device at some time has to do.
    return name === undefined || (own.size > 0 ? own.has(stay[index] ?? '') : ever.has(`/dev/${name}`))
  })
}

const read = async (): Promise<string[]> => (await run('dmesg', [])).split('\n')

/** Call now; the function it resolves to gives the complaints logged since, without those the test expects. */
export const watchKernelLog = async (): Promise<(expected?: readonly RegExp[]) => Promise<string[]>> => {
  const last = (await read()).at(-1) ?? ''
  return async (expected = []) => {
    const lines = await read()
    return complaintsIn(lines.slice(lines.lastIndexOf(last) + 1), logMark, recordedDevices()).filter(
      (line) => !expected.some((pattern) => pattern.test(line)),
    )
  }
}
