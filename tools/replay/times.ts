import type { Capsule } from '../../lib/event/capsule.js'
import { parseDateTime, wholeSeconds } from '../../lib/sql/times.js'

/** When an event was received, in seconds since the epoch; null if it does not tell. */
export function secondsOf ({ timestamp, dt }: Readonly<Capsule>): number | null {
  if (typeof timestamp === 'number') return wholeSeconds(timestamp)
  return typeof dt === 'string' ? parseDateTime(dt) : null
}
