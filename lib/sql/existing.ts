import { narrow, widthOf, type Column, type ColumnKind, type TablePlan } from './columns.js'

/** A column as the database describes it. */
export interface ExistingColumn {
  readonly name: string
  /** `varchar`, `bigint` and so on, in lower case. */
  readonly type: string
  /** Characters, of types that have a length; else null. */
  readonly length: number | null
}

/** From a declaration: `varchar(1024)`, `BIGINT`, `double unsigned`. */
export function declared (name: string, declaration: string): ExistingColumn {
  const [, type = '', length] = /^(\w*)(?:\s*\((\d+)\))?/.exec(declaration) ?? []
  return { name, type: type.toLowerCase(), length: length === undefined ? null : Number(length) }
}

export interface Comparison {
  /** The plan's columns as the table has them, or will have them. */
  readonly columns: readonly Column[]
  /** Those of them that the table lacks. */
  readonly missing: readonly Column[]
}

/**
 * Compares a plan with the table that is there. A column that is there keeps its type, whatever the plan says: values that do
 * not fit into it cost their row, not the table. Strings that are added become `text` when the row has no room for more.
 */
export function compare (plan: TablePlan, existing: readonly ExistingColumn[]): Comparison {
  const byName = new Map(existing.map(column => [column.name.toLowerCase(), column]))
  const used = widthOf(existing.map(column => adopt({ ...unplanned, name: column.name }, column)))
  const missing = narrow(plan.columns.filter(column => !byName.has(column.name.toLowerCase())), used)
  const added = new Map(missing.map(column => [column.name, column]))
  const columns = plan.columns.map(column => {
    const there = byName.get(column.name.toLowerCase())
    return there === undefined ? added.get(column.name) ?? column : adopt(column, there)
  })
  return { columns, missing }
}

const unplanned: Column = { name: '', kind: 'text', length: 0, index: null, path: [], comment: '' }

function adopt (column: Column, { type, length }: ExistingColumn): Column {
  const kind = kindOf(type, column.kind)
  return { ...column, kind, length: kind === 'string' || kind === 'key' || kind === 'timestamp' ? length ?? column.length : 0 }
}

/** The kind that a type can hold; `planned` where it says more than the type. */
function kindOf (type: string, planned: ColumnKind): ColumnKind {
  switch (type) {
    case 'char': case 'varchar': return planned === 'key' || planned === 'timestamp' ? planned : 'string'
    case 'tinyint': case 'smallint': case 'mediumint': case 'int': case 'integer': case 'bigint':
      return planned === 'boolean' ? planned : 'integer'
    case 'float': case 'double': case 'decimal': case 'real': return 'number'
    case 'tinytext': case 'text': case 'mediumtext': case 'longtext': return 'text'
    case 'datetime': return 'date-time'
    default: return planned
  }
}
