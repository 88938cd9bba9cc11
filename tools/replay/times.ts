import { ConfigError } from '../../lib/errors.js'
import type { Capsule } from '../../lib/event/capsule.js'
import { parseDateTime, wholeSeconds } from '../../lib/sql/times.js'

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Whether a time means another one each time that it is given: `-2h`. */
export function isRelative (text: string): boolean {
  return /^-\d{1,9}[smhd]$/.test(text)
}

/** Seconds since the epoch of a time on the command line. Throws `ConfigError` that names the option. */
export function parseTime (option: string, text: string, nowSeconds: number): number {
  const [, amount, unit = ''] = /^-(\d{1,9})([smhd])$/.exec(text) ?? []
  if (amount !== undefined) return nowSeconds - Number(amount) * (unitSeconds[unit] ?? 0)
  const seconds = parseDateTime(wholeTime(text))
  if (seconds !== null) return seconds
  throw new ConfigError('bad-option', `${option} "${text}": give a time in UTC as 2015-02-05T10:00:00Z, 2015-02-05 or 20150205100000, or one before now as -30m, -2h, -1d`)
}

/** ISO 8601 down to the second, from what may be MediaWiki's form, or lack seconds, or the time. */
function wholeTime (text: string): string {
  const mediawiki = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text)
  if (mediawiki !== null) return `${mediawiki.slice(1, 4).join('-')}T${mediawiki.slice(4, 7).join(':')}Z`
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return `${text}T00:00:00Z`
  return text.replace(/^(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d)(?=$|[Zz+-])/, '$1:00')
}

/** When an event was received, in seconds since the epoch; null if it does not tell. */
export function secondsOf ({ timestamp, dt }: Readonly<Capsule>): number | null {
  if (typeof timestamp === 'number') return wholeSeconds(timestamp)
  return typeof dt === 'string' ? parseDateTime(dt) : null
}
