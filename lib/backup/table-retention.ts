import { eventErrorSchema } from '../event/event-error.js'
import { dayMs, daysOfError, keepsAnything, noSchema } from '../purge/rules.js'
import type { EventTable } from '../purge/sql/event-tables.js'
import { policyOf, type TablePolicy } from '../purge/sql/policy.js'
import type { Rules } from '../purge/store.js'
import { timeOfRow, type DumpRow } from './dump-rows.js'
import { undated, type DumpSource, type Manifest } from './manifest.js'

/** What may stay of the dumps of a table. */
export interface TableRetention {
  /** Whether nothing of a day may. */
  isOver (day: string): boolean
  /** What may stay of a row of a dump whose day may: all, all but `fields`, or nothing. */
  fateOf (row: DumpRow): 'stay' | 'strip' | 'go'
  /** Columns that rows lose when their time is over, and stay. */
  readonly fields: ReadonlySet<string>
  /** Whether a purge may have changed rows that begin with that time, as a manifest has it. */
  isDue (first: string): boolean
  /** Of a day whose rows are all to be without `fields` now: what tells these from those of another policy; else empty. */
  strippedBy (day: string): string
}

/** Of a table that has no time nothing is ever too old. */
export const noRetention: TableRetention = { isOver: () => false, fateOf: () => 'stay', fields: new Set(), isDue: () => false, strippedBy: () => '' }

export interface RetentionOptions {
  readonly rules: Rules
  /** What is older goes whatever the rules say; null for none. */
  readonly oldestDays: number | null
  /** Of schemas whose tables have another name: the schema, by the table in lower case. */
  readonly schemaOf: ReadonlyMap<string, string>
}

/** Of a table of events that is there. Throws `ConfigError`. */
export function retentionOfTable (table: EventTable, { rules, oldestDays }: Omit<RetentionOptions, 'schemaOf'>): TableRetention {
  const policy = policyOf(table, rules)
  const oldest = cutoffIn(oldestDays, rules)
  const cutoff = policy.cutoff === null ? '' : timeText(policy.cutoff, table.style)
  const strips = policy.mode === 'strip'
  return {
    isOver: day => endOf(day) < oldest || (!strips && endOf(day) < cutoff),
    fateOf (row) {
      const time = timeOfRow(row)
      if (time === null || time < oldest || isSooner(policy, table.style, time, row)) return 'go'
      return time >= cutoff ? 'stay' : strips ? 'strip' : 'go'
    },
    fields: new Set([...policy.nulled, ...policy.anonymised.map(({ column }) => column.name)].map(name => name.toLowerCase())),
    isDue: first => first < cutoff || first < oldest,
    strippedBy: day => strips && endOf(day) < cutoff ? policy.fingerprint : ''
  }
}

/** Of one that is no more there: what is over goes. Of policies that keep something nobody knows any more what: only `oldestDays` is a bound. */
export function retentionOfGone (name: string, { rules, oldestDays, schemaOf }: RetentionOptions): TableRetention {
  const schema = schemaOf.get(name.toLowerCase()) ?? name.replace(/_\d+$/, '')
  const isOfErrors = schema === eventErrorSchema.name
  const days = isOfErrors ? daysOfError(rules, noSchema) : schema === name || keepsAnything(rules.of(schema)) ? Infinity : rules.of(schema).days
  const least = Math.min(days, oldestDays ?? Infinity)
  const cutoff = cutoffIn(least === Infinity ? null : least, rules)
  return { ...noRetention, isOver: day => endOf(day) < cutoff, fateOf: row => (timeOfRow(row) ?? '') < cutoff ? 'go' : 'stay', isDue: first => first < cutoff }
}

/** Whether the dump of a table that is no more there is too old. What has no time is as old as its dump. */
export function isOverOfGone ({ made }: Pick<Manifest, 'made'>, { table, day }: Pick<DumpSource, 'table' | 'day'>, options: RetentionOptions): boolean {
  return retentionOfGone(table, options).isOver(day === undated ? made.slice(0, 10) : day)
}

function isSooner ({ sooner }: TablePolicy, style: EventTable['style'], time: string, { head, values }: DumpRow): boolean {
  return sooner.some(({ column, values: these, cutoff }) => {
    const at = head.summed.find(({ label }) => label === `${column}:`)?.at
    return at !== undefined && time < timeText(cutoff, style) && these.includes(values[at]?.toString() ?? '')
  })
}

/** The last second of it. */
function endOf (day: string): string {
  return `${day}T23:59:59Z`
}

function cutoffIn (days: number | null, { nowMs }: Rules): string {
  return days === null ? '' : new Date(Math.max(0, nowMs - days * dayMs)).toISOString().replace(/\.\d+/, '')
}

/** As a manifest has it. */
function timeText (cutoff: string, style: EventTable['style']): string {
  if (style === 'meta') return `${cutoff.replace(' ', 'T')}Z`
  const [, year = '', month = '', day = '', hour = '', minute = '', second = ''] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(cutoff) ?? []
  return `${year}-${month}-${day}T${hour}:${minute}:${second}Z`
}
