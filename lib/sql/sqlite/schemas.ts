import type Database from 'better-sqlite3'
import { dateTimeOf, talliesOf, type CatalogRow } from '../catalog.js'
import type { TablePlan } from '../columns.js'
import { sqliteDialect } from '../ddl.js'
import type { Group, Outcome } from '../store.js'
import { describedDefinitions } from './described.js'

const { quote } = sqliteDialect

/** As in MySQL, see there for what the columns mean. */
const schemasTable = `
  CREATE TABLE IF NOT EXISTS vanadium_schemas (
    name VARCHAR(64) NOT NULL, revision BIGINT NOT NULL, table_name VARCHAR(64) NOT NULL, view_name VARCHAR(64), description TEXT,
    first_event DATETIME, last_event DATETIME, row_count BIGINT NOT NULL DEFAULT 0, updated DATETIME NOT NULL, view_digest CHAR(16),
    ${describedDefinitions.join(', ')},
    PRIMARY KEY (name, revision)
  )`

/** A table, and which of its columns says when an event was; null if none does. */
export type Registered = Pick<TablePlan, 'name' | 'schema' | 'revision' | 'description'> & { readonly time: string | null }

/** As in MySQL. To be called within a transaction, which keeps all others from adding rows. */
export function register (db: Database.Database, plan: Registered, isNew: boolean): void {
  const { name, schema, revision, description } = plan
  db.exec(schemasTable)
  const row = db.prepare<[string, number], { count: number }>('SELECT row_count AS count FROM vanadium_schemas WHERE name = ? AND revision = ?').get(schema, revision)
  db.prepare(`INSERT INTO vanadium_schemas (name, revision, table_name, description, updated) VALUES (?, ?, ?, ?, datetime())
    ON CONFLICT DO UPDATE SET table_name = excluded.table_name, description = excluded.description`).run(schema, revision, name, description)
  const isEmptied = (row?.count ?? 0) > 0 && db.prepare(`SELECT 1 FROM ${quote(name)} LIMIT 1`).get() === undefined
  if (row === undefined || isNew || isEmptied) count(db, plan)
}

function count (db: Database.Database, { name, schema, revision, time }: Registered): void {
  const range = time === null ? 'NULL AS first, NULL AS last' : `MIN(${quote(time)}) AS first, MAX(${quote(time)}) AS last`
  const row = db.prepare<[], { n: number, first: unknown, last: unknown }>(`SELECT COUNT(*) AS n, ${range} FROM ${quote(name)}`).get()
  db.prepare('UPDATE vanadium_schemas SET row_count = ?, first_event = ?, last_event = ?, updated = datetime() WHERE name = ? AND revision = ?')
    .run(row?.n, dateTimeOf(row?.first), dateTimeOf(row?.last), schema, revision)
}

/** Within the transaction of the rows, after them. */
export function addToCounts (db: Database.Database, groups: ReadonlyArray<Group<unknown>>, outcomes: readonly Outcome[]): void {
  const tallies = talliesOf(groups, outcomes)
  if (tallies.length === 0) return
  const statement = db.prepare(`UPDATE vanadium_schemas SET row_count = row_count + @inserted, updated = datetime(),
    first_event = MIN(COALESCE(first_event, @first), COALESCE(@first, first_event)),
    last_event = MAX(COALESCE(last_event, @last), COALESCE(@last, last_event))
    WHERE name = @schema AND revision = @revision`)
  for (const { plan, inserted, first, last } of tallies) {
    const { schema, revision } = plan
    if (statement.run({ inserted, first, last, schema, revision }).changes === 0) register(db, plan, true)
  }
}

export function catalogRows (db: Database.Database): CatalogRow[] {
  return db.prepare<[], CatalogRow>('SELECT name AS schema, revision, table_name AS "table", view_name AS view, view_digest AS digest FROM vanadium_schemas').all()
}
