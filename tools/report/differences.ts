import type { Imbalance } from '../ledger/balance.js'

/** Where in is not out, added up over a time. */
export interface Difference {
  /** Between what: `valid, from processor client-side to consumer mysql`. */
  readonly where: string
  readonly schema: string
  readonly in: number
  readonly out: number
  /** In so many minutes, of which this is the first, in milliseconds since 1970. */
  readonly minutes: number
  readonly firstMs: number
}

/** By place and schema; what is largest first. */
export function differencesOf (imbalances: readonly Imbalance[]): Difference[] {
  const sums = new Map<string, Difference>()
  for (const { where, schema, minute, in: given, out } of imbalances) {
    const key = `${where}\0${schema}`
    const { in: givenBefore = 0, out: outBefore = 0, minutes = 0, firstMs = minute } = sums.get(key) ?? {}
    sums.set(key, { where, schema, in: givenBefore + given, out: outBefore + out, minutes: minutes + 1, firstMs: Math.min(firstMs, minute) })
  }
  return [...sums.values()].sort((a, b) => Math.abs(b.in - b.out) - Math.abs(a.in - a.out) || a.where.localeCompare(b.where) || a.schema.localeCompare(b.schema))
}
