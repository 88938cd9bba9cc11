const dayMs = 24 * 3600_000

/**
 * From when on back something may be forgotten because it is old: now, or two days after the last entry before today, if that is earlier. So a clock that
 * is years ahead for some hours makes nothing forgotten. `newestBefore` tells the time of the last entry before a time; null if there is none.
 */
export function credibleTime (nowMs: number, newestBefore: (timeMs: number) => number | null): number {
  const newestMs = newestBefore(Math.floor(nowMs / dayMs) * dayMs)
  return newestMs === null ? nowMs : Math.min(nowMs, newestMs + 2 * dayMs)
}
