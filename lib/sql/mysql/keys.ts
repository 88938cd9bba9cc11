import { RecordError } from '../../errors.js'
import { parseJson } from '../../event/json.js'
import type { Column } from '../columns.js'
import type { StoredTable } from '../store.js'

/** Unique columns besides the key: a row that they keep out is no duplicate. */
export function otherKeys ({ plan, columns }: StoredTable): Column[] {
  return columns.filter(column => column.index === 'unique' && column.name !== plan.key)
}

/** The key of a record that became a row of the table. */
export function keyOf (table: StoredTable, record: string): string {
  const { key } = table.plan
  const [value] = valuesOf(record, table.columns.filter(({ name }) => name === key))
  return value as string
}

/** What the record has for each of the columns, as it travels; undefined for nothing. */
export function valuesOf (record: string, columns: readonly Column[]): unknown[] {
  const event = parseJson(record)
  return columns.map(({ path }) => path.reduce<unknown>((value, key) => typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined, event))
}

export function keptOut (table: string, columns: readonly Column[]): RecordError {
  const names = columns.map(({ name }) => name).join(', ')
  return new RecordError('refused-by-store', `another event has the same value in a column whose values are unique (${names})`, { table })
}
