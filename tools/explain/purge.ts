import { eventErrorSchema } from '../../lib/event/event-error.js'
import { alwaysKept } from '../../lib/purge/fields.js'
import { daysOfError, keepsAnything } from '../../lib/purge/rules.js'
import { fateOf } from '../../lib/purge/sql/policy.js'
import type { Anonymisation, Retention } from '../../lib/registry/entry.js'
import type { Registry } from '../../lib/registry/registry.js'
import type { TablePlan } from '../../lib/sql/columns.js'
import { parseDateTime, sqlTime, wholeSeconds } from '../../lib/sql/times.js'
import type { Section } from './section.js'

const daySeconds = 86_400

/** What is stored of an event, as far as the purge goes by it. */
export interface Purged {
  /** Since 1970; null if it has no time. */
  readonly seconds: number | null
  /** Of an event error the schema that it is about. */
  readonly about: unknown
}

/** When what is stored of an event is purged, and what is left then. */
export function purgeSection (plan: TablePlan, registry: Pick<Registry, 'find'>, { seconds, about }: Purged): Section {
  const { schema } = plan
  const retention = registry.find(schema).retention
  const { aggregate, longer } = retention
  const isError = schema === eventErrorSchema.name
  const days = isError ? daysOfError({ of: name => registry.find(name).retention }, String(about)) : retention.days
  const remaining = isError || !keepsAnything(retention) ? null : remainingColumns(plan, retention)
  return {
    title: 'The purge',
    lines: [
      `events of ${schema} are kept whole for ${days} days${longer === null ? '' : `, until ${longer.until}, because: ${longer.reason}; from then on for as long as those of all schemas`}`,
      seconds === null ? 'it has no time that a purge could go by' : `this one is of ${dayOf(seconds)}, so it is purged on ${dayOf(purgeTime(seconds, days, schema, registry))}, or by the first purge after that`,
      ...aggregate === null ? [] : [`before that it is counted into ${schema}_daily${phrase(' by ', aggregate.by)}${phrase(', with sums and percentiles of ', aggregate.of)}`],
      ...remaining === null ? ['then nothing of it remains'] : [`then these columns remain: ${remaining.join(', ')}`, 'all others become NULL']
    ]
  }
}

/** After its days; or, when what keeps it longer has ended before, after those that hold from then on. */
function purgeTime (seconds: number, days: number, schema: string, registry: Pick<Registry, 'find'>): number {
  const regular = seconds + days * daySeconds
  const { longer } = registry.find(schema).retention
  if (longer === null) return regular
  const over = Date.parse(longer.until) / 1000 + daySeconds
  return Math.min(regular, Math.max(over, seconds + registry.find(schema, over * 1000).retention.days * daySeconds))
}

function remainingColumns ({ columns }: TablePlan, retention: Retention): string[] {
  return columns.flatMap(({ name, kind, path }) => {
    if (alwaysKept.includes(path.join('.'))) return [name]
    const fate = fateOf({ name, field: path.join('.'), mayBeJson: kind === 'text' }, retention)
    return fate === null ? [] : [fate === 'keep' || fate.method === 'clean' ? name : `${name} (${inWords(fate)})`]
  })
}

/** Of a record, as the column that says when the event was takes it. */
export function secondsOf (event: object): number | null {
  const { timestamp, dt, meta } = event as { timestamp?: unknown, dt?: unknown, meta?: unknown }
  if (typeof timestamp === 'number') return wholeSeconds(timestamp)
  const text = typeof meta === 'object' && meta !== null && 'dt' in meta ? meta.dt : dt
  return typeof text === 'string' ? parseDateTime(text) : null
}

/** Of a record that is an event error the schema that it is about. */
export function schemaOfError (record: object): unknown {
  const { event } = record as { event?: unknown }
  return typeof event === 'object' && event !== null && 'schema' in event ? event.schema : null
}

/** When, of the column, as a database gives it: MediaWiki's form, or a date-time. */
export function secondsOfColumn (value: unknown): number | null {
  const text = value instanceof Date ? value.toISOString() : String(value)
  return parseDateTime(text.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, '$1-$2-$3T$4:$5:$6Z'))
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
