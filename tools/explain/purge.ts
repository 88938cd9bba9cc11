import { policyOf, type TablePolicy } from '../../lib/purge/sql/policy.js'
import type { EventTable } from '../../lib/purge/sql/event-tables.js'
import type { Anonymisation } from '../../lib/registry/entry.js'
import type { Registry } from '../../lib/registry/registry.js'
import type { TablePlan } from '../../lib/sql/columns.js'
import { parseDateTime, sqlTime, wholeSeconds } from '../../lib/sql/times.js'
import type { Section } from './section.js'

const daySeconds = 86_400

/** When the row of an event is purged, and what is left then. `seconds` since 1970 are those of the event; null if it has no time. */
export function purgeSection (registry: Registry, plan: TablePlan, seconds: number | null): Section {
  const { schema } = plan
  const { days, longer } = registry.find(schema).retention
  const policy = policyOf(tableOf(plan), { nowMs: Date.now(), of: name => registry.find(name).retention, mostDays: days })
  return {
    title: 'The purge',
    lines: [
      `rows of ${schema} are kept whole for ${days} days${longer === null ? '' : `, until ${longer.until}, because: ${longer.reason}; from then on for as long as those of all schemas`}`,
      seconds === null ? 'it has no time that a purge could go by' : `this one is of ${dayOf(seconds)}, so it is purged on ${dayOf(purgeTime(seconds, schema, registry))}, or by the first purge after that`,
      ...leftOver(policy, plan)
    ]
  }
}

/** As consumers make it. */
function tableOf ({ name, schema, key, time, columns }: TablePlan): EventTable {
  return {
    name,
    schema,
    key,
    time,
    style: key === 'uuid' ? 'capsule' : 'meta',
    columns: columns.map(({ name, path }) => ({ name, type: '', length: null, nullable: true, generated: false, field: path.join('.') })),
    hasTimeIndex: true,
    nextId: null
  }
}

/** After its days; or, when what keeps it longer has ended before, after those that hold from then on. */
function purgeTime (seconds: number, schema: string, registry: Registry): number {
  const { days, longer } = registry.find(schema).retention
  const regular = seconds + days * daySeconds
  if (longer === null) return regular
  const over = Date.parse(longer.until) / 1000 + daySeconds
  return Math.min(regular, Math.max(over, seconds + registry.find(schema, over * 1000).retention.days * daySeconds))
}

function leftOver ({ mode, nulled, anonymised, retention: { aggregate } }: TablePolicy, { schema, columns }: TablePlan): string[] {
  const counted = aggregate === null ? [] : [`before that it is counted into ${schema}_daily${phrase(' by ', aggregate.by)}${phrase(', with sums and percentiles of ', aggregate.of)}`]
  if (mode === 'delete') return [...counted, 'then nothing of it remains']
  const changed = new Map(anonymised.map(({ column, how }) => [column.name, how]))
  const names = columns.filter(({ name }) => !nulled.includes(name)).map(({ name }) => {
    const how = changed.get(name)
    return how === undefined ? name : `${name} (${inWords(how)})`
  })
  return [...counted, `then these columns remain: ${['id', ...names].join(', ')}`, 'all others become NULL']
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
