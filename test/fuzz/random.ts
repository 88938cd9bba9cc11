/** Chance that can be repeated: the same seed gives the same choices. */
export interface Random {
  /** From 0 to `below`, exclusive. */
  int (below: number): number
  /** True once in so many times. */
  oneIn (times: number): boolean
  pick<T> (items: readonly T[]): T
  /** Mostly small, seldom up to `most`. */
  size (most: number): number
}

/** Mulberry32: 32 bits of state are enough, each input has a seed of its own. */
export function createRandom (seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const int = (below: number): number => Math.floor(next() * below)
  return {
    int,
    oneIn: times => int(times) === 0,
    pick: items => items[int(items.length)] as never,
    size: most => Math.floor(Math.max(most, 1) ** next())
  }
}
