import type { FieldPath } from '../../registry/entry.js'
import { isAddress } from '../../registry/personal.js'
import { columnNames } from '../../sql/names.js'
import type { NamedColumn } from './event-tables.js'

/** Not addresses and user agents, whatever a policy lists. Where no schema says whose a column is, any part of its name may make it one. */
export function mayBeKept ({ name, field }: NamedColumn): boolean {
  return ![name, field ?? name.replaceAll('_', '.')].some(isAddress)
}

/**
 * Whether a column holds a field, or one below it. Where no schema says whose the column is, its name decides: `event.a` is `event_a`, and
 * what begins with `event_a_` is taken for something below it.
 */
export function holds (column: NamedColumn, field: FieldPath): boolean {
  if (column.field !== null) return column.field === field || column.field.startsWith(`${field}.`)
  const wanted = columnOf(field).toLowerCase()
  const name = column.name.toLowerCase()
  return name === wanted || name.startsWith(`${wanted}_`)
}

/** What a field's column is called, if no other field would have the same name. */
export function columnOf (field: FieldPath, taken: readonly string[] = []): string {
  return columnNames([field.split('.')], taken)[0] ?? field
}
