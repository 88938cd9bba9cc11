import { StreamError } from '../../errors.js'
import type { SqlValue } from '../../sql/values.js'
import type { Anonymise } from './anonymise.js'
import type { PurgeDatabase, Row, Statements } from './database.js'
import type { EventTable } from './event-tables.js'
import type { TablePolicy } from './policy.js'
import { dirtyColumn } from './select.js'

/** What has to be done to rows, in one statement. */
export interface Change {
  readonly ids: readonly number[]
  readonly statement: string
  /** Columns that it changes; none if it deletes. */
  readonly fields: readonly string[]
}

/** Null if nothing has. */
export function changeOf (db: PurgeDatabase, table: EventTable, policy: TablePolicy, rows: readonly Row[], anonymise: Anonymise): Change | null {
  return policy.mode === 'delete' ? deletionOf(db, table, rows) : strippingOf(db, table, policy, rows, anonymise)
}

function deletionOf (db: PurgeDatabase, table: EventTable, rows: readonly Row[]): Change | null {
  const ids = rows.map(row => Number(row['id']))
  return ids.length === 0 ? null : { ids, fields: [], statement: `DELETE FROM ${db.quote(table.name)} WHERE id IN (${ids.join(',')})` }
}

function strippingOf (db: PurgeDatabase, table: EventTable, { nulled, anonymised }: TablePolicy, rows: readonly Row[], anonymise: Anonymise): Change | null {
  const changed = new Set(rows.filter(isDirty).map(row => Number(row['id'])))
  const fields = changed.size > 0 ? [...nulled] : []
  const settings = nulled.map(name => `${db.quote(name)} = NULL`)
  for (const { column, how } of anonymised) {
    const cases = rows.flatMap(row => {
      const value = row[column.name] ?? null
      const anonymous = value === null ? null : anonymise(value, column, how)
      if (value === null || isSame(value, anonymous)) return []
      changed.add(Number(row['id']))
      return [`WHEN ${Number(row['id'])} THEN ${db.literal(anonymous)}`]
    })
    if (cases.length === 0) continue
    fields.push(column.name)
    settings.push(`${db.quote(column.name)} = CASE id ${cases.join(' ')} ELSE ${db.quote(column.name)} END`)
  }
  if (changed.size === 0) return null
  const ids = [...changed]
  return { ids, fields, statement: `UPDATE ${db.quote(table.name)} SET ${settings.join(', ')} WHERE id IN (${ids.join(',')})` }
}

export function isDirty (row: Row): boolean {
  return Number(row[dirtyColumn]) !== 0
}

/** As the database sees it: digits may come as number, bigint or text. */
export function isSame (value: unknown, other: SqlValue): boolean {
  return value instanceof Uint8Array ? Buffer.from(value).toString() === String(other) : String(value) === String(other)
}

/** Throws `RowsGone` when somebody else has deleted some of the rows: they were counted as if they were there. */
export async function apply (db: PurgeDatabase, within: Statements, table: EventTable, { ids, statement }: Change): Promise<void> {
  if (await within.execute(statement) === ids.length) return
  if (statement.startsWith('UPDATE')) {
    // the server does not count those that were like that
    const [row] = await within.query(`SELECT COUNT(*) AS n FROM ${db.quote(table.name)} WHERE id IN (${ids.join(',')})`)
    if (Number(row?.['n']) === ids.length) return
  }
  throw new RowsGone('cannot-write', `table ${table.name}: somebody else deletes the same rows`)
}

/** To be read again. */
export class RowsGone extends StreamError {}
