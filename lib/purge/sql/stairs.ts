/**
 * What has been done in a table: all rows whose `id` is not above this one's and that are not behind (`time`, `timeId`) in the order of
 * time, then `id`. Several of them together are a staircase: what was done up to then, and what came later and was done up to another time.
 */
export interface Stair {
  /** What was done; the fingerprint of a policy. */
  readonly policy: string
  readonly id: number
  readonly time: string
  readonly timeId: number
}

export interface Place {
  readonly id: number
  readonly time: string
}

export function covers (stair: Stair, { id, time }: Place): boolean {
  return id <= stair.id && (time < stair.time || (time === stair.time && id <= stair.timeId))
}

/** Whether all that `inner` says is said by `outer`. */
function isWithin (inner: Stair, outer: Stair): boolean {
  return inner.id <= outer.id && (inner.time < outer.time || (inner.time === outer.time && inner.timeId <= outer.timeId))
}

/** With one more, and without those that it makes needless; what another policy did says less than what this one did. */
export function climb (stairs: readonly Stair[], stair: Stair): Stair[] {
  const own = stairs.filter(({ policy }) => policy === stair.policy)
  if (own.some(other => isWithin(stair, other))) return [...stairs]
  return [...stairs.filter(other => !isWithin(other, stair)), stair]
}

export interface Beginning {
  /** All rows up to here are done up to the cutoff. */
  readonly base: number
  /** Where work goes on by time: rows above `base`, up to this one's `id`, behind its time. Null if nothing is done that it could go on from. */
  readonly next: Stair | null
}

export function beginningOf (stairs: readonly Stair[], policy: string, cutoff: string): Beginning {
  const own = stairs.filter(stair => stair.policy === policy)
  const base = Math.max(0, ...own.filter(({ time }) => time >= cutoff).map(({ id }) => id))
  const [next = null] = own.filter(({ id }) => id > base).sort((one, other) => one.id - other.id)
  return { base, next }
}
