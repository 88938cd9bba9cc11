import type Database from 'better-sqlite3'
import { describedColumns, describedRow, isDescribed, type Describe } from '../described.js'

/** Columns in a statement that makes or alters `vanadium_schemas`. */
export const describedDefinitions = describedColumns.map(({ name, type }) => `${name} ${type}`)

/** Within a transaction. */
export function copyDescriptions (db: Database.Database, describe: Describe, schemas: ReadonlySet<string> | null): void {
  const columns = db.prepare<[], string>("SELECT name FROM pragma_table_info('vanadium_schemas')").pluck().all()
  // its first row makes it
  if (columns.length === 0) return
  for (const [at, { name }] of describedColumns.entries()) if (!columns.includes(name)) db.exec(`ALTER TABLE vanadium_schemas ADD COLUMN ${describedDefinitions[at]}`)
  const names = describedColumns.map(({ name }) => name)
  const update = db.prepare(`UPDATE vanadium_schemas SET ${names.map(name => `${name} = @${name}`).join(', ')} WHERE name = @schema`)
  const rows = db.prepare<[], Record<string, unknown> & { name: string }>(`SELECT DISTINCT name, ${names.join(', ')} FROM vanadium_schemas`).all()
  for (const row of rows) {
    const entry = schemas === null || schemas.has(row.name) ? describe(row.name) : null
    if (entry === null) continue
    const wanted = describedRow(entry)
    if (!isDescribed(row, wanted)) update.run({ ...wanted, schema: row.name })
  }
}
