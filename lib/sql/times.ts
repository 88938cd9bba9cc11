/** A point in time in whole seconds since the epoch, or null. */
type Seconds = number | null

// RFC 3339, section 5.6; a blank for the T and a missing zone (UTC) are common enough to be understood
const dateTime = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d):?(\d\d))?$/

/** Fractions of a second are dropped; a leap second is the first of the next minute. Null when it is no date and time. */
export function parseDateTime (text: string): Seconds {
  const match = dateTime.exec(text)
  if (match === null) return null
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number]
  const zone = (match[7] === '-' ? -60 : 60) * (Number(match[8] ?? 0) * 60 + Number(match[9] ?? 0))
  const midnight = new Date(0)
  midnight.setUTCFullYear(year, month - 1, day)
  if (midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== day || hour > 23 || minute > 59 || second > 60) return null
  return midnight.getTime() / 1000 + hour * 3600 + minute * 60 + second - zone
}

/** The first ten digits, as the event's uuid uses them: milliseconds become seconds. */
export function wholeSeconds (timestamp: number): Seconds {
  if (!Number.isFinite(timestamp)) return null
  let seconds = timestamp
  while (seconds >= 1e10) seconds /= 10
  return Math.floor(seconds)
}

/** `YYYY-MM-DD HH:MM:SS`, or null outside the years 1 to 9999, which the databases do not take. */
export function sqlTime (seconds: number): string | null {
  const iso = isoTime(seconds)
  return iso === null ? null : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`
}

/** MediaWiki's `YYYYMMDDHHMMSS`, or null as for `sqlTime`. */
export function mediawikiTime (seconds: number): string | null {
  const iso = isoTime(seconds)
  return iso === null ? null : iso.slice(0, 4) + iso.slice(5, 7) + iso.slice(8, 10) + iso.slice(11, 13) + iso.slice(14, 16) + iso.slice(17, 19)
}

const firstSecond = -62_135_596_800
const lastSecond = 253_402_300_799

function isoTime (seconds: number): string | null {
  return seconds >= firstSecond && seconds <= lastSecond ? new Date(seconds * 1000).toISOString() : null
}
