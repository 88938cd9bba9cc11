import { createHash } from 'node:crypto'
import { ConfigError } from '../../errors.js'
import { eventErrorSchema } from '../../event/event-error.js'
import type { Retention } from '../../registry/entry.js'
import { daysOfError, keepsAnything, noSchema } from '../rules.js'
import type { Rules } from '../store.js'
import type { Treatment } from './anonymise.js'
import type { EventColumn, EventTable, NamedColumn } from './event-tables.js'
import { holds, mayBeKept } from './fields.js'
import { cutoffOf } from './times.js'

export interface Anonymised {
  readonly column: EventColumn
  readonly how: Treatment
}

/** Rows that have one of these values, and are before that. */
export interface Sooner {
  readonly column: string
  readonly values: readonly string[]
  readonly cutoff: string
}

/** What a schema's retention means for one of its tables. */
export interface TablePolicy {
  readonly mode: 'delete' | 'strip'
  readonly days: number
  /** What is before it is old. Null when nothing is. */
  readonly cutoff: string | null
  /** What else is old, by a column that tells more. */
  readonly sooner: readonly Sooner[]
  /** Of what is old and not deleted. */
  readonly nulled: readonly string[]
  readonly anonymised: readonly Anonymised[]
  /** Tells what stripping does from what another policy does. */
  readonly fingerprint: string
  readonly retention: Retention
}

export function policyOf (table: EventTable, rules: Rules): TablePolicy {
  if (table.schema === eventErrorSchema.name) return policyOfErrors(table, rules)
  const retention = rules.of(table.schema)
  const { days } = retention
  const nothing = { days, cutoff: cutoffOf(table, days, rules.nowMs), sooner: [], retention, nulled: [], anonymised: [] }
  if (!keepsAnything(retention)) return { ...nothing, mode: 'delete', fingerprint: '' }
  const columns = table.columns.filter(column => !column.generated && !isAlwaysKept(table, column))
  const fates = columns.map(column => ({ column, how: fateOf(column, retention) }))
  const anonymised = fates.flatMap(({ column, how }) => how === 'keep' || how === null ? [] : [{ column, how }])
  const nulled = fates.filter(({ how }) => how === null).map(({ column }) => column)
  requireNullable(table, nulled)
  const names = nulled.map(({ name }) => name)
  return { ...nothing, mode: 'strip', nulled: names, anonymised, fingerprint: fingerprintOf(names, anonymised) }
}

/** They go whole: anything may be in them. Those about a schema of fewer days go when its events do. */
function policyOfErrors (table: EventTable, rules: Rules): TablePolicy {
  const least = daysOfError(rules, noSchema)
  const fewer = new Map(rules.names.map(name => [name, daysOfError(rules, name)] as const).filter(([, days]) => days < least))
  const column = table.columns.find(({ name }) => name.toLowerCase() === schemaColumn)?.name
  const days = column === undefined ? Math.min(least, ...fewer.values()) : least
  const sooner = column === undefined
    ? []
    : [...new Set(fewer.values())].flatMap(days => {
        const cutoff = cutoffOf(table, days, rules.nowMs)
        return cutoff === null ? [] : [{ column, values: [...fewer].filter(([, of]) => of === days).map(([name]) => name), cutoff }]
      })
  return { mode: 'delete', days, cutoff: cutoffOf(table, days, rules.nowMs), sooner, retention: rules.of(table.schema), nulled: [], anonymised: [], fingerprint: '' }
}

/** Of an event error the schema that it is about. */
const schemaColumn = 'event_schema'

/** What tells one row from another, when it was, and for how many events it stands. */
function isAlwaysKept ({ key, time }: EventTable, { name }: EventColumn): boolean {
  return ['id', key, time, 'samplingrate'].includes(name.toLowerCase())
}

/** What the longest name says that holds for it; of the same name, how it is changed. Null: it goes. */
export function fateOf (column: NamedColumn, { keep, anonymise }: Retention): Treatment | 'keep' | null {
  if (!mayBeKept(column)) return null
  const kept = column.mayBeJson ? { method: 'clean' as const } : 'keep'
  const named = [...anonymise, ...keep.map(field => [field, kept] as const)].filter(([field]) => holds(column, field))
  return named.sort(([one], [other]) => other.length - one.length)[0]?.[1] ?? null
}

function requireNullable ({ name, schema }: EventTable, nulled: readonly EventColumn[]): void {
  const wrong = nulled.filter(({ nullable }) => !nullable).map(column => column.name)
  if (wrong.length === 0) return
  throw new ConfigError('bad-registry', `table ${name}: ${wrong.join(', ')} may not be NULL, so rows of ${schema} cannot be stripped; ALTER TABLE … MODIFY … NULL, or list the fields in keep, or keep nothing`)
}

function fingerprintOf (nulled: readonly string[], anonymised: readonly Anonymised[]): string {
  const parts = [[...nulled].sort(), anonymised.map(({ column, how }) => [column.name, how]).sort()]
  return createHash('sha1').update(JSON.stringify(parts)).digest('hex')
}
