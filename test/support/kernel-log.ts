/**
 * The kernel's complaints during a test file. A test that passes while the kernel logs an I/O error has not passed.
 *
 * The log is the whole machine's: a line that names a block device counts only if the device is one of this test's;
 * a warning, a bug or a hung task always counts.
 */
import { recordedDevices } from './journal.js'
import { run } from './process.js'

const complaints = /I\/O error|hung task|blocked for more than|WARNING:|BUG:|Oops|operation not supported|lost (async|sync) page write|EXT4-fs (error|warning)|XFS .*(corruption|error)|BTRFS (error|critical)/i // prettier-ignore
const device = /\b(loop\d+)\b/

const read = async (): Promise<string[]> => (await run('dmesg', [])).split('\n')

/** Call now; the function it resolves to gives the complaints logged since, without those the test expects. */
export const watchKernelLog = async (): Promise<(expected?: readonly RegExp[]) => Promise<string[]>> => {
  const last = (await read()).at(-1) ?? ''
  return async (expected = []) => {
    const lines = await read()
    const own = recordedDevices()
    return lines.slice(lines.lastIndexOf(last) + 1).filter((line) => {
      const name = device.exec(line)?.[1]
      if (name !== undefined && !own.has(`/dev/${name}`)) return false
      return complaints.test(line) && !expected.some((pattern) => pattern.test(line))
    })
  }
}
