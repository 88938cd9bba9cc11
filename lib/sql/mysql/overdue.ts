import type { LeaseKeeper } from './lease.js'

/**
 * Whether the holder should have stored by now what entered this host's pipeline at `enteredMs` and has been looked for since `sinceMs`, by this host's clock. If
 * it has not, it never got it: each host measures ages by its own clock, and the holder says how old the oldest record is that it has not stored.
 */
export function isOverdue ({ holderLag, claimant: { askSeconds } }: Pick<LeaseKeeper, 'holderLag' | 'claimant'>, enteredMs: number, sinceMs: number, nowMs = Date.now()): boolean {
  return nowMs - sinceMs > askSeconds * 1000 && nowMs - enteredMs > (holderLag + askSeconds) * 1000
}
