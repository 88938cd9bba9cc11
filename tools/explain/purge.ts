import { alwaysKept } from '../../lib/purge/fields.js'
import type { Anonymisation, Retention } from '../../lib/registry/entry.js'
import { isAddress } from '../../lib/registry/personal.js'
import type { TablePlan } from '../../lib/sql/columns.js'
import { parseDateTime, sqlTime, wholeSeconds } from '../../lib/sql/times.js'
import type { Section } from './section.js'

const daySeconds = 86_400

/** When what is stored of an event is purged, and what is left then. `seconds` since 1970 are those of the event; null if it has no time. */
export function purgeSection (schema: string, { days, keep, anonymise, aggregate, longer }: Retention, plan: TablePlan, seconds: number | null): Section {
  const columns = plan.columns.filter(({ path }) => !isAddress(path.join('.')))
  const kept = columns.filter(({ path }) => [...alwaysKept, ...keep].some(field => covers(field, path)))
  const changed = columns.flatMap(({ name, path }) => [...anonymise].flatMap(([field, how]) => covers(field, path) ? [`${name} (${inWords(how)})`] : []))
  const isDeleted = keep.length === 0 && anonymise.size === 0
  return {
    title: 'The purge',
    lines: [
      `events of ${schema} are kept whole for ${days} days${longer === null ? '' : `, until ${longer.until}, because: ${longer.reason}; from then on for as long as those of all schemas`}`,
      seconds === null ? 'it has no time that a purge could go by' : `this one is of ${dayOf(seconds)}, so it is purged on ${dayOf(seconds + days * daySeconds)}, or by the first purge after that`,
      ...aggregate === null ? [] : [`before that it is counted into ${schema}_daily${phrase(' by ', aggregate.by)}${phrase(', with sums and percentiles of ', aggregate.of)}`],
      ...isDeleted
        ? ['then nothing of it remains']
        : [`then these columns remain: ${[...kept.map(({ name }) => name), ...changed].join(', ')}`, 'all others become NULL']
    ]
  }
}

/** Of a record, as the column that says when the event was takes it. */
export function secondsOf (event: object): number | null {
  const { timestamp, dt, meta } = event as { timestamp?: unknown, dt?: unknown, meta?: unknown }
  if (typeof timestamp === 'number') return wholeSeconds(timestamp)
  const text = typeof meta === 'object' && meta !== null && 'dt' in meta ? meta.dt : dt
  return typeof text === 'string' ? parseDateTime(text) : null
}

/** The same of the column, as a database gives it: MediaWiki's form, or a date-time. */
export function secondsOfColumn (value: unknown): number | null {
  const text = value instanceof Date ? value.toISOString() : String(value)
  return parseDateTime(text.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, '$1-$2-$3T$4:$5:$6Z'))
}

function covers (field: string, path: readonly string[]): boolean {
  const full = path.join('.')
  return full === field || full.startsWith(`${field}.`)
}

function inWords (how: Anonymisation): string {
  switch (how.method) {
    case 'hash': return 'as a salted hash'
    case 'truncate': return `its first ${how.length} characters or digits`
    case 'bucket': return `rounded down to a multiple of ${how.size}`
  }
}

function dayOf (seconds: number): string {
  return sqlTime(seconds)?.slice(0, 10) ?? 'a day beyond the calendar'
}

function phrase (before: string, names: readonly string[]): string {
  return names.length === 0 ? '' : `${before}${names.join(', ')}`
}
