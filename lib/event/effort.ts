/**
 * What checking one event may cost, in steps of at most some 20 ns: 50 ms on one core. Whoever writes schemas can make a few lines that try
 * every combination of something, and whoever sends events can choose the worst one.
 */
export const mostEffort = 2_500_000

/** Thrown out of a check that takes too long; what was found until then says nothing. */
export class TooMuchEffort extends Error {}

/** Counts what one validator does for one event. */
export interface Effort {
  /** For the next event. */
  begin (): void
  /** Throws `TooMuchEffort`. */
  spend (steps: number): void
  /** Since the last `begin`. */
  spent (): number
}

export function createEffort (): Effort {
  let left = mostEffort
  return {
    begin () {
      left = mostEffort
    },
    spend (steps) {
      left -= steps
      if (left < 0) throw new TooMuchEffort('too many steps')
    },
    spent: () => mostEffort - left
  }
}
