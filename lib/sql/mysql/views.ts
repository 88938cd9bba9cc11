import { chooseView, digestOf, looksLikeOurs, revisionsOf, type CatalogRow, type DatabaseObject } from '../catalog.js'
import type { TablePlan } from '../columns.js'
import { mysqlDialect } from '../ddl.js'
import { numberOf } from '../errors.js'
import { declared, type ExistingColumn } from '../existing.js'
import { commonPrefix } from '../names.js'
import { planView, type RevisionTable } from '../views.js'
import { tupleOf } from './literals.js'
import { catalogRows, literal, register } from './schemas.js'
import type { Link } from './session.js'

/** Seconds that another consumer's change of a view, or an analyst's open transaction, is waited for. */
const patienceSeconds = 1

/**
 * Makes the view over all revisions of a schema, as the database has them, unless it is up to date; enters tables into
 * `vanadium_schemas` that are not in it, and takes out those that are gone. One consumer at a time, so that the last one has seen what
 * all others made. Never within a transaction. Throws the server's error: then the view is what it was.
 */
export async function refreshView (link: Link, { schema }: Pick<TablePlan, 'schema'>): Promise<void> {
  const lock = "CONCAT('vanadium-views-', LEFT(SHA1(DATABASE()), 20))"
  const [row] = await link.query(`SELECT GET_LOCK(${lock}, ${patienceSeconds}) AS got`)
  if (row?.['got'] !== 1) throw Object.assign(new Error('another consumer is making views'), { errno: lockTimeout })
  try {
    await refresh(link, schema)
  } finally {
    await link.query(`SELECT RELEASE_LOCK(${lock})`)
  }
}

const lockTimeout = 1205

async function refresh (link: Link, schema: string): Promise<void> {
  const prefix = commonPrefix(schema)
  const objects = await objectsOf(link, prefix)
  const rows = await catalogRows(link, schema, prefix)
  const revisions = revisionsOf(schema, objects, rows)
  const views = objects.filter(({ isView }) => isView).map(({ name }) => name)
  const columns = await columnsOf(link, [...revisions.map(({ table }) => table), ...views])
  const tables = revisions.map(({ table, revision }) => ({ name: table, revision, columns: columns.get(table) ?? [] })).filter(table => table.columns.length > 0)
  const plan = planView(tables)
  if (plan === null) return
  await registerAll(link, schema, tables, rows)

  const name = chooseView(schema, objects, rows, view => looksLikeOurs(columns.get(view) ?? []))
  const query = mysqlDialect.unite(plan)
  const digest = digestOf(mysqlDialect.view(name, query))
  const known = rows.filter(row => row.schema === schema)
  const isThere = views.some(view => view.toLowerCase() === name.toLowerCase())
  if (!isThere || known.length !== tables.length || known.some(row => row.view !== name || row.digest !== digest)) {
    // MariaDB makes views that it cannot show: too many columns for a table of results
    if (tables.length > 1) await link.query(`SELECT 1 FROM (${query}) AS v WHERE id = 0`)
    for (const statement of mysqlDialect.view(name, query)) await hastily(link, statement)
    await link.execute(`UPDATE vanadium_schemas SET view_name = ${literal(name)}, view_digest = ${literal(digest)} WHERE name = ${literal(schema)} AND revision IN ${tupleOf(tables.map(table => table.revision))}`)
  }
  await forget(link, known, tables)
}

/** Does not wait long for those who read the view, because those who come after them would wait as well. */
async function hastily (link: Link, statement: string): Promise<void> {
  await link.execute(`SET @vanadium_wait = @@SESSION.lock_wait_timeout, SESSION lock_wait_timeout = ${patienceSeconds}`)
  try {
    await link.execute(statement)
  } finally {
    await link.execute('SET SESSION lock_wait_timeout = @vanadium_wait')
  }
}

/** Tables that were there before `vanadium_schemas`, and that no events come for any more. */
async function registerAll (link: Link, schema: string, tables: readonly RevisionTable[], rows: readonly CatalogRow[]): Promise<void> {
  for (const { name, revision, columns } of tables) {
    if (rows.some(row => row.schema === schema && row.revision === revision)) continue
    const time = ['meta_dt', 'timestamp'].find(time => columns.some(column => column.name === time)) ?? null
    await register(link, { name, schema, revision, time, description: '' }, false)
  }
}

/** Tables that somebody dropped. */
async function forget (link: Link, rows: readonly CatalogRow[], tables: readonly RevisionTable[]): Promise<void> {
  const gone = rows.filter(row => !tables.some(({ revision }) => revision === row.revision))
  for (const { schema, revision } of gone) {
    try {
      await link.execute(`DELETE FROM vanadium_schemas WHERE name = ${literal(schema)} AND revision = ${revision}`)
    } catch (error) {
      if (numberOf(error) !== mayNot) throw error
    }
  }
}

const mayNot = 1142

async function objectsOf (link: Link, prefix: string): Promise<DatabaseObject[]> {
  const rows = await link.query(`SELECT TABLE_NAME AS name, TABLE_TYPE AS type, TABLE_COMMENT AS comment FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = DATABASE() AND LOWER(TABLE_NAME) LIKE ${literal(`${prefix.toLowerCase().replaceAll('_', '\\_')}%`)}`)
  return rows.map(({ name, type, comment }) => ({ name: String(name), isView: type === 'VIEW', comment: String(comment) }))
}

async function columnsOf (link: Link, tables: readonly string[]): Promise<Map<string, ExistingColumn[]>> {
  const columns = new Map(tables.map(table => [table, [] as ExistingColumn[]]))
  if (tables.length === 0) return columns
  const rows = await link.query(`SELECT TABLE_NAME AS \`table\`, COLUMN_NAME AS name, COLUMN_TYPE AS type FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ${tupleOf(tables)} ORDER BY TABLE_NAME, ORDINAL_POSITION`)
  for (const { table, name, type } of rows) columns.get(String(table))?.push(declared(String(name), String(type)))
  return columns
}
