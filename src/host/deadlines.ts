/**
 * How long each wait may take, in milliseconds, in one place: a wait without a deadline is a hang in waiting.
 */
export const deadlines = {
  /** From starting the daemon to its ready line: opening a source may mean creating an image on a slow disk. */
  ready: 30_000,
  /** losetup: one open and one ioctl. Longer means that the volume does not answer. */
  losetup: 20_000,
  /** A loop device goes when its last opener does; udev's probes of a new device take well under a second. */
  loopGone: 10_000,
  /** The last flush of a volume writes back what the page cache holds, on whatever disk lies below. */
  stop: 300_000,
  /** A killed process needs this long only if it hangs in the kernel. */
  killed: 10_000,
  /** An answer of a healthy daemon's control socket. */
  control: 5_000,
  /** The same where many are asked, and one that does not answer is a line of a table. */
  glance: 2_000,
  /** A daemon's last replies to leave before it ends. */
  farewell: 1_000,
  /** Small programs that ask the kernel for something. */
  program: 10_000,
} as const
