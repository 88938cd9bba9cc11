import { isRefused, type Schema, type SchemaRepository } from '../../event/schemas.js'
import { planTable, type Column } from '../../sql/columns.js'
import { tableName } from '../../sql/names.js'
import type { FoundTable, PurgeDatabase, TableColumn } from './database.js'

/** A column of events, and where its value was in the event, as far as that is known. */
export interface EventColumn extends TableColumn {
  /** As the registry writes fields; null if no schema tells. */
  readonly field: string | null
  /** Whether its text may be JSON: of what is no single value, and of what nobody knows. */
  readonly mayBeJson: boolean
}

/** A column, as far as its names and what it may hold go. */
export type NamedColumn = Pick<EventColumn, 'name' | 'field' | 'mayBeJson'>

/** A table of events. */
export interface EventTable {
  readonly name: string
  readonly schema: string
  readonly key: string
  readonly time: string
  readonly style: 'capsule' | 'meta'
  readonly columns: readonly EventColumn[]
  readonly hasTimeIndex: boolean
  readonly nextId: number | null
}

/**
 * All tables of events: those whose names end in a revision and that have the columns that the consumer gives every table, whether a
 * schema still describes them or not. The tables of vanadium itself and `<Schema>_daily` are none.
 */
export async function eventTables (db: PurgeDatabase, schemas: Pick<SchemaRepository, 'list'>): Promise<EventTable[]> {
  const found = await db.tables()
  const known = new Map(schemas.list().filter(schema => !isRefused(schema)).map(schema => [tableName(schema.name, schema.revision).toLowerCase(), schema as Schema]))
  const catalog = found.some(({ name }) => name === 'vanadium_schemas') ? await db.query('SELECT name, revision, table_name FROM vanadium_schemas') : []
  const named = new Map(catalog.map(({ name, revision, table_name: table }) => [String(table).toLowerCase(), { name: String(name), revision: Number(revision) }]))
  return found
    .flatMap(table => eventTable(table, known.get(table.name.toLowerCase()), named.get(table.name.toLowerCase())) ?? [])
    .sort((one, other) => one.name < other.name ? -1 : 1)
}

const styles = [
  { style: 'capsule', key: 'uuid', time: 'timestamp' },
  { style: 'meta', key: 'meta_id', time: 'meta_dt' }
] as const

function eventTable (table: FoundTable, schema: Schema | undefined, entered: { name: string, revision: number } | undefined): EventTable | null {
  if (!/_\d+$/.test(table.name) || /^vanadium_/i.test(table.name)) return null
  const has = (wanted: string): boolean => table.columns.some(({ name }) => name.toLowerCase() === wanted)
  const style = has('id') ? styles.find(({ key, time }) => has(key) && has(time)) : undefined
  if (style === undefined) return null
  const planned = new Map((schema === undefined ? [] : planTable(schema).columns).map(column => [column.name.toLowerCase(), column]))
  return {
    ...style,
    name: table.name,
    schema: schemaOf(table, schema, entered),
    columns: table.columns.map(column => eventColumn(column, planned.get(column.name.toLowerCase()))),
    hasTimeIndex: table.indexed.has(style.time),
    nextId: table.nextId
  }
}

/** A name may have been changed on its way to the table's: whoever knows the schema's own says it. */
function schemaOf ({ name, comment }: FoundTable, schema: Schema | undefined, entered: { name: string, revision: number } | undefined): string {
  if (schema !== undefined) return schema.name
  const [, noted = '', revision] = /^(.+)\/(\d+)$/.exec(comment) ?? []
  const candidates = [...(entered === undefined ? [] : [entered]), { name: noted, revision: Number(revision) }]
  return candidates.find(one => tableName(one.name, one.revision).toLowerCase() === name.toLowerCase())?.name ?? name.replace(/_\d+$/, '')
}

function eventColumn (column: TableColumn, planned: Column | undefined): EventColumn {
  return { ...column, field: planned?.path.join('.') ?? null, mayBeJson: planned === undefined ? /text$/.test(column.type) : planned.kind === 'text' }
}
