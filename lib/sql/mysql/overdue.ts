import type { LeaseKeeper } from './lease.js'

/** A look that took longer says nothing of the holder: the database was away, for the holder as well. */
const longLookMs = 5000

/** What a standby looks for again and again, and does not find. */
export class Absence {
  readonly #lease: Pick<LeaseKeeper, 'holderLag' | 'claimant'>
  readonly #enteredMs: number
  /** Since when there was no change, as looks have shown. */
  #sinceMs: number | null = null
  #missing = Infinity

  /** `enteredMs`: when it entered this host's pipeline, by this host's clock. */
  constructor (lease: Pick<LeaseKeeper, 'holderLag' | 'claimant'>, enteredMs: number) {
    this.#lease = lease
    this.#enteredMs = enteredMs
  }

  /** To be told of each look: so much was missing. */
  seen (missing: number, beganMs: number, nowMs = Date.now()): void {
    const isLong = nowMs - beganMs > Math.max(longLookMs, this.#lease.claimant.askSeconds * 250)
    if (this.#sinceMs === null || isLong || missing < this.#missing) this.#sinceMs = nowMs
    this.#missing = missing
  }

  /**
   * Whether the holder should have stored it by now. If it has not, it never got it: each host measures ages by its own clock, and the holder says how old the
   * oldest record is that it has not stored. Or the holder stands still, and says so by that age.
   */
  isOverdue (nowMs = Date.now()): boolean {
    const { holderLag, claimant: { askSeconds } } = this.#lease
    if (this.#sinceMs === null || nowMs - this.#sinceMs <= askSeconds * 1000) return false
    return holderLag > askSeconds || nowMs - this.#enteredMs > (holderLag + askSeconds) * 1000
  }
}
