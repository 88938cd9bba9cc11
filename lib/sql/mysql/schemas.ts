import { dateTimeOf, talliesOf, type CatalogRow } from '../catalog.js'
import type { TablePlan } from '../columns.js'
import { mysqlDialect } from '../ddl.js'
import { noSuchTable, numberOf } from '../errors.js'
import type { Group, Outcome } from '../store.js'
import { describedDefinitions } from './described.js'
import { tupleOf } from './literals.js'
import type { Link } from './session.js'

const { quote } = mysqlDialect

const schemasTable = `
  CREATE TABLE IF NOT EXISTS vanadium_schemas (
    name VARCHAR(64) NOT NULL COMMENT 'Of the schema',
    revision BIGINT NOT NULL COMMENT 'Of the schema',
    table_name VARCHAR(64) NOT NULL COMMENT 'Has the events of this revision',
    view_name VARCHAR(64) NULL COMMENT 'Has the events of all revisions; NULL while this one is in no view',
    description TEXT NULL COMMENT 'What the schema says it is about',
    first_event DATETIME NULL COMMENT 'Time of the earliest event, UTC',
    last_event DATETIME NULL COMMENT 'Time of the latest event, UTC',
    row_count BIGINT NOT NULL DEFAULT 0 COMMENT 'Rows that the table has been given, those included that were deleted since',
    updated DATETIME NOT NULL COMMENT 'When the last rows were added, UTC',
    view_digest CHAR(16) NULL COMMENT 'Tells whether the view has to be made again',
    ${describedDefinitions.join(',\n    ')},
    PRIMARY KEY (name, revision)
  ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT='The tables of events; written with their rows'`

/** A table, and which of its columns says when an event was; null if none does. */
export type Registered = Pick<TablePlan, 'name' | 'schema' | 'revision' | 'description'> & { readonly time: string | null }

/**
 * Sees to it that the table has its row in `vanadium_schemas`, and counts once what is in the table if it had none, or if the table is
 * new (`isNew`) or empty. Never within a transaction.
 */
export async function register (link: Link, plan: Registered, isNew: boolean): Promise<void> {
  const row = await find(link, plan)
  if (row === undefined || isNew || (row.count > 0 && await isEmpty(link, plan.name))) {
    await count(link, plan)
  } else if (row.table !== plan.name || row.description !== plan.description) {
    await link.execute(`UPDATE vanadium_schemas SET table_name = ${literal(plan.name)}, description = ${literal(plan.description)} WHERE ${isRow(plan)}`)
  }
}

async function find (link: Link, plan: Registered): Promise<{ table: string, description: string, count: number } | undefined> {
  try {
    const [row] = await link.query(`SELECT table_name, description, row_count FROM vanadium_schemas WHERE ${isRow(plan)}`)
    return row === undefined ? undefined : { table: String(row['table_name']), description: String(row['description']), count: Number(row['row_count']) }
  } catch (error) {
    if (numberOf(error) !== noSuchTable) throw error
    await link.execute(schemasTable)
    return undefined
  }
}

async function isEmpty (link: Link, table: string): Promise<boolean> {
  return (await link.query(`SELECT 1 FROM ${quote(table)} LIMIT 1`)).length === 0
}

/**
 * Whoever adds rows meanwhile waits for the lock of this row before the commit, so the rows are not in what is counted here (a snapshot
 * that begins when the lock is held) and are added afterwards; or had it before, and they are.
 */
async function count (link: Link, plan: Registered): Promise<void> {
  const { name, schema, revision, time, description } = plan
  await link.execute('START TRANSACTION')
  await link.execute(`INSERT INTO vanadium_schemas (name, revision, table_name, description, updated)
    VALUES (${literal(schema)}, ${revision}, ${literal(name)}, ${literal(description)}, UTC_TIMESTAMP())
    ON DUPLICATE KEY UPDATE table_name = VALUES(table_name), description = VALUES(description), updated = UTC_TIMESTAMP()`)
  const range = time === null ? 'NULL AS first, NULL AS last' : `MIN(${quote(time)}) AS first, MAX(${quote(time)}) AS last`
  const [row] = await link.query(`SELECT COUNT(*) AS n, ${range} FROM ${quote(name)}`)
  const [first, last] = [dateTimeOf(row?.['first']), dateTimeOf(row?.['last'])]
  await link.execute(`UPDATE vanadium_schemas SET row_count = ${String(row?.['n'])}, first_event = ${literal(first)}, last_event = ${literal(last)} WHERE ${isRow(plan)}`)
  await link.execute('COMMIT')
}

/** To be called last before the commit of the rows: one statement, and from then on others that add to the same tables wait. */
export async function addToCounts (link: Link, groups: ReadonlyArray<Group<unknown>>, outcomes: readonly Outcome[]): Promise<void> {
  const tallies = talliesOf(groups, outcomes)
  if (tallies.length === 0) return
  const tuples = tallies.map(({ plan, inserted, first, last }) =>
    `(${literal(plan.schema)},${plan.revision},${literal(plan.name)},${literal(first)},${literal(last)},${inserted},UTC_TIMESTAMP())`)
  const changed = await link.execute(`INSERT INTO vanadium_schemas (name, revision, table_name, first_event, last_event, row_count, updated) VALUES ${tuples.join(',')}
    ON DUPLICATE KEY UPDATE row_count = row_count + VALUES(row_count), updated = VALUES(updated),
      first_event = LEAST(COALESCE(first_event, VALUES(first_event)), COALESCE(VALUES(first_event), first_event)),
      last_event = GREATEST(COALESCE(last_event, VALUES(last_event)), COALESCE(VALUES(last_event), last_event))`)
  // two for each row that was there; one that was not would begin at what this transaction adds
  if (changed !== 2 * tallies.length) throw Object.assign(new Error('a table has no row in vanadium_schemas'), { errno: noSuchTable })
}

/** The rows of a schema, and those of tables and views whose names begin like its own. */
export async function catalogRows (link: Link, schema: string, prefix: string): Promise<CatalogRow[]> {
  const rows = await link.query(`SELECT name, revision, table_name, view_name, view_digest FROM vanadium_schemas
    WHERE name = ${literal(schema)} OR LOWER(table_name) LIKE ${literal(`${prefix.toLowerCase().replaceAll('_', '\\_')}%`)}`)
  return rows.map(row => ({
    schema: String(row['name']),
    revision: Number(row['revision']),
    table: String(row['table_name']),
    view: row['view_name'] === null ? null : String(row['view_name']),
    digest: row['view_digest'] === null ? null : String(row['view_digest'])
  }))
}

function isRow ({ schema, revision }: Registered): string {
  return `name = ${literal(schema)} AND revision = ${revision}`
}

export function literal (text: string | null): string {
  return tupleOf([text]).slice(1, -1)
}
