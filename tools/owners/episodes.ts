import type { Level, Observation } from './share.js'

/** A time in which too many events of a schema did not validate; kept for a day after its end. */
export interface Episode {
  /** The worst so far; null when it is over. */
  readonly level: Level | null
  /** Milliseconds since 1970, as all times. */
  readonly sinceMs: number
  /** When the owners were told last that it is so. */
  readonly toldMs: number
  /** Since when the share has been below the limit again. */
  readonly calmMs: number | null
  /** Ends of earlier ones, of the last day. */
  readonly ends: readonly number[]
}

/** What owners are to be told. */
export interface News {
  readonly kind: 'began' | 'worse' | 'lasts' | 'over'
  readonly schema: string
  readonly level: Level
  readonly sinceMs: number
  /** When this was seen; of what is over, when that was. */
  readonly atMs: number
  readonly invalid: number
  readonly events: number
  readonly windowMs: number
}

const dayMs = 24 * 3600_000
/** It is over when it was calm for so long: the longer, the more often it came back within a day. */
const calmForMs = [10 * 60_000, 3600_000, 6 * 3600_000]

/** What becomes of an episode, or of none, by what is seen now; null where nothing needs to be remembered. */
export function judge (before: Episode | undefined, seen: Observation, nowMs: number): { episode: Episode | null, news: News | null } {
  const { schema, level, invalid, events, windowMs } = seen
  const ends = (before?.ends ?? []).filter(end => end > nowMs - dayMs)
  const news = (kind: News['kind'], level: Level, sinceMs: number): News => ({ kind, schema, level, sinceMs, atMs: nowMs, invalid, events, windowMs })
  if (before === undefined || before.level === null) {
    if (level === null) return { episode: before === undefined || ends.length === 0 ? null : { ...before, ends }, news: null }
    const sinceMs = Math.max(seen.sinceMs, ends.at(-1) ?? 0)
    return { episode: { level, sinceMs, toldMs: nowMs, calmMs: null, ends }, news: news('began', level, sinceMs) }
  }
  const { sinceMs, toldMs } = before
  if (seen.isCalm) {
    const calmMs = before.calmMs ?? nowMs
    const patienceMs = calmForMs[Math.min(ends.length, calmForMs.length - 1)] ?? 0
    if (nowMs - calmMs < patienceMs) return { episode: { ...before, calmMs, ends }, news: null }
    return { episode: { ...before, level: null, calmMs: null, ends: [...ends, nowMs] }, news: { ...news('over', before.level, sinceMs), atMs: calmMs } }
  }
  const isWorse = level === 'critical' && before.level === 'warning'
  const worst = isWorse ? 'critical' : before.level
  const isDue = level !== null && nowMs - toldMs >= dayMs
  const episode = { ...before, level: worst, calmMs: null, ends, toldMs: isWorse || isDue ? nowMs : toldMs }
  return { episode, news: isWorse || isDue ? news(isWorse ? 'worse' : 'lasts', worst, sinceMs) : null }
}
