// A backend of 1 MiB of zeros that keeps its thread busy as long as the file named in RINGVOL_SPIN exists, for 20 s at
// most. Driven by stuck.ts.
import { existsSync } from 'node:fs'

const spin = () => {
  for (const end = Date.now() + 20_000; Date.now() < end && existsSync(process.env.RINGVOL_SPIN ?? ''););
}

export default {
  name: 'spinning',
  size: 1 << 20,
  blockSize: 4096,
  can: { write: true, flush: false, trim: false, zero: false, extents: false, lanes: false },
  open: async () => {},
  read: (target) => {
    spin()
    target.fill(0)
  },
  write: spin,
  close: async () => {},
}
