/**
 * The names of the transports, best first. What each is and when `auto` takes it: docs/transports.md.
 */
export const transportNames = ['passthrough', 'uring', 'classic', 'syscall'] as const
export type TransportName = (typeof transportNames)[number]
