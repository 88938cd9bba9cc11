import type { Column, Index, TablePlan } from './columns.js'
import { mysqlSource, selectOf, sqliteSource, type ViewPlan } from './views.js'

/** How a database writes what a table needs. Pure: nothing is asked or sent. */
export interface Dialect {
  quote (name: string): string
  /** Statements that make the table and its indexes, one after the other; harmless when the table is there. */
  create (plan: TablePlan): string[]
  /** Statements that add columns to the table, without their indexes. */
  extend (table: string, missing: readonly Column[]): string[]
  /** Statements that add the indexes of these columns, and these indexes over several, to the table: one each. */
  index (table: string, columns: readonly Column[], indexes: readonly Index[]): string[]
  /** The query that unites the revisions of a schema. */
  unite (plan: ViewPlan): string
  /** Statements that make a view of a query, in the place of the one that is there. */
  view (name: string, query: string): string[]
}

/** MySQL and MariaDB. Text compares byte for byte, so that `enwiki` and `EnWiki` differ and values survive `GROUP BY`. */
export const mysqlDialect: Dialect = {
  quote: name => `\`${name.replaceAll('`', '``')}\``,

  create ({ name, columns, indexes, comment }) {
    const lines = [
      '`id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY',
      ...columns.map(mysqlColumn),
      ...mysqlIndexes(columns, indexes)
    ]
    return [
      `CREATE TABLE IF NOT EXISTS ${mysqlDialect.quote(name)} (\n  ${lines.join(',\n  ')}\n` +
      `) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT=${literal(comment)}`
    ]
  },

  extend: (table, missing) => [`ALTER TABLE ${mysqlDialect.quote(table)} ${missing.map(column => `ADD COLUMN ${mysqlColumn(column)}`).join(', ')}`],

  index: (table, columns, indexes) => mysqlIndexes(columns, indexes).map(index => `ALTER TABLE ${mysqlDialect.quote(table)} ADD ${index}`),

  unite: plan => selectOf(plan, mysqlSource(mysqlDialect.quote), mysqlDialect.quote),

  // who may read the view is who may read its tables
  view: (name, query) => [`CREATE OR REPLACE SQL SECURITY INVOKER VIEW ${mysqlDialect.quote(name)} AS\n${query}`]
}

function listOf ({ quote }: Dialect, { columns }: Index): string {
  return columns.map(quote).join(', ')
}

function mysqlColumn (column: Column): string {
  const comment = column.comment === '' ? '' : ` COMMENT ${literal(column.comment)}`
  return `${mysqlDialect.quote(column.name)} ${mysqlType(column)} NULL${comment}`
}

function mysqlIndexes (columns: readonly Column[], indexes: readonly Index[]): string[] {
  const own = columns.filter(({ index }) => index !== null).map(({ name, index }) =>
    `${index === 'unique' ? 'UNIQUE KEY' : 'KEY'} ${mysqlDialect.quote(name)} (${mysqlDialect.quote(name)})`)
  return [...own, ...indexes.map(index => `KEY ${mysqlDialect.quote(index.name)} (${listOf(mysqlDialect, index)})`)]
}

/** As it stands in a definition. */
export function mysqlType ({ kind, length }: Column): string {
  switch (kind) {
    case 'key': return `${length === 32 ? 'CHAR' : 'VARCHAR'}(${length})`
    case 'timestamp': return `CHAR(${length})`
    case 'boolean': return 'TINYINT(1)'
    case 'integer': return 'BIGINT'
    case 'number': return 'DOUBLE'
    case 'string': return `VARCHAR(${length})`
    // TEXT would cut at 65,535 bytes, and JSON must not be cut
    case 'text': return 'MEDIUMTEXT'
    case 'date-time': return 'DATETIME'
  }
}

/** The same tables in SQLite, which stores numbers by value and text of any length whatever the declared type. */
export const sqliteDialect: Dialect = {
  quote: name => `"${name.replaceAll('"', '""')}"`,

  create ({ name, columns, indexes }) {
    const lines = ['"id" INTEGER PRIMARY KEY AUTOINCREMENT', ...columns.map(sqliteColumn)]
    return [
      `CREATE TABLE IF NOT EXISTS ${sqliteDialect.quote(name)} (\n  ${lines.join(',\n  ')}\n)`,
      ...sqliteDialect.index(name, columns, indexes)
    ]
  },

  extend: (table, missing) => missing.map(column => `ALTER TABLE ${sqliteDialect.quote(table)} ADD COLUMN ${sqliteColumn(column)}`),

  // indexes share one name space in a database: the table's name goes before the column's
  index: (table, columns, indexes) => [
    ...columns.filter(column => column.index !== null).map(({ name, index }) =>
      `CREATE ${index === 'unique' ? 'UNIQUE INDEX' : 'INDEX'} IF NOT EXISTS ${sqliteDialect.quote(`${table}.${name}`)} ON ${sqliteDialect.quote(table)} (${sqliteDialect.quote(name)})`),
    ...indexes.map(index => `CREATE INDEX IF NOT EXISTS ${sqliteDialect.quote(`${table}.${index.name}`)} ON ${sqliteDialect.quote(table)} (${listOf(sqliteDialect, index)})`)
  ],

  unite: plan => selectOf(plan, sqliteSource(sqliteDialect.quote), sqliteDialect.quote),

  view: (name, query) => [`DROP VIEW IF EXISTS ${sqliteDialect.quote(name)}`, `CREATE VIEW ${sqliteDialect.quote(name)} AS\n${query}`]
}

function sqliteColumn (column: Column): string {
  return `${sqliteDialect.quote(column.name)} ${sqliteType(column)}`
}

/** The declared type decides how SQLite converts, so it keeps digits: https://sqlite.org/datatype3.html#type_affinity */
function sqliteType ({ kind, length }: Column): string {
  switch (kind) {
    case 'key': case 'timestamp': return `CHAR(${length})`
    case 'boolean': return 'TINYINT'
    case 'integer': return 'BIGINT'
    case 'number': return 'DOUBLE'
    case 'string': return `VARCHAR(${length})`
    case 'text': return 'TEXT'
    case 'date-time': return 'DATETIME'
  }
}

/** A string literal for a session whose backslash escapes, as every session of ours does. */
function literal (text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`
}
