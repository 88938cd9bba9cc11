import type Database from 'better-sqlite3'
import { chooseView, digestOf, looksLikeOurs, revisionsOf, type DatabaseObject } from '../catalog.js'
import type { TablePlan } from '../columns.js'
import { sqliteDialect } from '../ddl.js'
import { declared, type ExistingColumn } from '../existing.js'
import { commonPrefix } from '../names.js'
import { planView, type RevisionTable } from '../views.js'
import { catalogRows, register } from './schemas.js'

const { quote } = sqliteDialect

/** As in MySQL. To be called within a transaction, which is rolled back when this throws. */
export function refreshView (db: Database.Database, { schema }: Pick<TablePlan, 'schema'>): void {
  const objects = objectsOf(db, commonPrefix(schema))
  const rows = catalogRows(db)
  const tables = revisionsOf(schema, objects, rows).map(({ table, revision }) => ({ name: table, revision, columns: columnsOf(db, table) }))
  const plan = planView(tables)
  if (plan === null) return
  const known = rows.filter(row => row.schema === schema)
  for (const table of tables) if (!known.some(({ revision }) => revision === table.revision)) register(db, found(schema, table), false)

  const name = chooseView(schema, objects, rows, view => looksLikeOurs(columnsOf(db, view)))
  const statements = sqliteDialect.view(name, sqliteDialect.unite(plan))
  const digest = digestOf(statements)
  const isThere = objects.some(object => object.isView && object.name.toLowerCase() === name.toLowerCase())
  if (!isThere || known.length !== tables.length || known.some(row => row.view !== name || row.digest !== digest)) {
    for (const statement of statements) db.exec(statement)
    // only now SQLite looks whether it can be read
    db.prepare(`SELECT * FROM ${quote(name)}`)
    db.prepare('UPDATE vanadium_schemas SET view_name = ?, view_digest = ? WHERE name = ?').run(name, digest, schema)
  }
  for (const { revision } of known.filter(row => !tables.some(table => table.revision === row.revision))) {
    db.prepare('DELETE FROM vanadium_schemas WHERE name = ? AND revision = ?').run(schema, revision)
  }
}

/** A table that was there before `vanadium_schemas`, and that no events come for any more. */
function found (schema: string, { name, revision, columns }: RevisionTable): Parameters<typeof register>[1] {
  const time = ['meta_dt', 'timestamp'].find(time => columns.some(column => column.name === time)) ?? null
  return { name, schema, revision, time, description: '' }
}

function objectsOf (db: Database.Database, prefix: string): DatabaseObject[] {
  const rows = db.prepare<[string], { name: string, type: string }>("SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') AND name LIKE ? || '%' ESCAPE '\\'").all(prefix.replaceAll('_', '\\_'))
  return rows.map(({ name, type }) => ({ name, isView: type === 'view' }))
}

function columnsOf (db: Database.Database, table: string): ExistingColumn[] {
  const rows = db.prepare<[string], { name: string, type: string }>('SELECT name, type FROM pragma_table_info(?)').all(table)
  return rows.map(({ name, type }) => declared(name, type))
}
