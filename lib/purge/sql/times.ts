import { dateTimeOf } from '../../sql/catalog.js'
import { parseDateTime, mediawikiTime, sqlTime } from '../../sql/times.js'
import type { EventTable } from './event-tables.js'

const dayMs = 86_400_000

/** What the largest time of a table is; above it are texts that are no times. */
export const lastTimes = { capsule: '99991231235959', meta: '9999-12-31 23:59:59' } as const

/**
 * The earliest time, as the table writes it, that is not older than `days`. An event is older when its whole second came more than `days`
 * times 24 hours before `nowMs`: one of exactly that age stays. Null if that is before all times.
 */
export function cutoffOf ({ style }: Pick<EventTable, 'style'>, days: number, nowMs: number): string | null {
  const seconds = Math.ceil((nowMs - days * dayMs) / 1000)
  return style === 'meta' ? sqlTime(seconds) : mediawikiTime(seconds)
}

/** `YYYY-MM-DD`, or null if there is no such time: somebody may have written the 68th of July. */
export function dayOf (time: string): string | null {
  const text = dateTimeOf(time)
  return text === null || parseDateTime(text) === null ? null : text.slice(0, 10)
}

/** Days since `time`; 0 if that is no time. */
export function ageOf (time: string, nowMs: number): number {
  const text = dateTimeOf(time)
  const seconds = text === null ? null : parseDateTime(text)
  return seconds === null ? 0 : (nowMs / 1000 - seconds) / 86_400
}
