import { ConfigError, RecordError } from '../../lib/errors.js'
import type { Schema } from '../../lib/event/schemas.js'
import { planTable, type Column, type TablePlan } from '../../lib/sql/columns.js'
import { mysqlDialect, mysqlType } from '../../lib/sql/ddl.js'
import { compare, declared, type ExistingColumn } from '../../lib/sql/existing.js'
import { planView } from '../../lib/sql/views.js'

/** A schema's table, or why there can be none. */
export function tableOf (schema: Schema): TablePlan | ConfigError {
  try {
    return planTable(schema)
  } catch (error) {
    if (error instanceof RecordError) return new ConfigError('bad-schema', `no table can hold ${schema.name}/${schema.revision}: ${error.message}`, { cause: error })
    throw error
  }
}

/** The columns as a database describes them that has made the table. */
export function columnsMade ({ columns }: TablePlan): ExistingColumn[] {
  return [{ name: 'id', type: 'bigint', length: null }, ...columns.map(column => declared(column.name, mysqlType(column)))]
}

/** What a consumer does when a revision has other fields than its table was made for: it adds what is missing. */
export interface Growth {
  readonly missing: readonly Column[]
  readonly statements: readonly string[]
}

export function growthOf (before: TablePlan, after: TablePlan): Growth {
  const { missing } = compare(after, columnsMade(before))
  if (missing.length === 0) return { missing, statements: [] }
  return { missing, statements: [...mysqlDialect.extend(after.name, missing), ...mysqlDialect.index(after.name, missing, [])] }
}

/** What changes for who queries the united view when one more revision is in it, or another in the place of one. */
export interface ViewChange {
  readonly added: readonly string[]
  /** Not in the newer table: its rows have NULL there. */
  readonly removed: readonly string[]
  /** Of which the types do not go together: they become text in all rows. */
  readonly loosened: ReadonlyArray<{ readonly column: string, readonly before: string, readonly after: string }>
}

export function viewChange (before: TablePlan, after: TablePlan): ViewChange {
  const [old, next] = [before, after].map(plan => new Map(plan.columns.map(column => [column.name.toLowerCase(), column]))) as [Map<string, Column>, Map<string, Column>]
  const view = planView([{ name: 'before', revision: 1, columns: columnsMade(before) }, { name: 'after', revision: 2, columns: columnsMade(after) }])
  const loose = new Set(view?.tables.flatMap(({ sources }) => sources.flatMap(source => source.kind === 'loose' ? [source.column.name.toLowerCase()] : [])))
  return {
    added: [...next].filter(([key]) => !old.has(key)).map(([, { name }]) => name),
    removed: [...old].filter(([key]) => !next.has(key)).map(([, { name }]) => name),
    loosened: [...loose].flatMap(key => {
      const [one, other] = [old.get(key), next.get(key)]
      return one === undefined || other === undefined ? [] : [{ column: other.name, before: mysqlType(one), after: mysqlType(other) }]
    })
  }
}

/** The same for people, indented. `view` is its name. */
export function viewLines (view: string, before: TablePlan, after: TablePlan): string[] {
  const { added, removed, loosened } = viewChange(before, after)
  if (added.length + removed.length + loosened.length === 0) return [`  the columns are those of ${before.name === after.name ? 'now' : before.name}`]
  return [
    ...added.length === 0 ? [] : [`  view ${view} gains ${added.join(', ')}`],
    ...removed.length === 0 ? [] : [`  new rows have NULL in ${removed.join(', ')} of the view`],
    ...loosened.map(({ column, before, after }) => `  ${column} becomes text in the view: it was ${before}, and is ${after}`)
  ]
}
