import type { Column, TablePlan } from './columns.js'

/** How a database writes what a table needs. Pure: nothing is asked or sent. */
export interface Dialect {
  quote (name: string): string
  /** Statements that make the table and its indexes, one after the other; harmless when the table is there. */
  create (plan: TablePlan): string[]
  /** Statements that add columns to the table, without their indexes. */
  extend (table: string, missing: readonly Column[]): string[]
  /** Statements that add the indexes of columns to the table, one each. */
  index (table: string, columns: readonly Column[]): string[]
}

/** MySQL and MariaDB. Text compares byte for byte, so that `enwiki` and `EnWiki` differ and values survive `GROUP BY`. */
export const mysqlDialect: Dialect = {
  quote: name => `\`${name.replaceAll('`', '``')}\``,

  create ({ name, columns, comment }) {
    const lines = [
      '`id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY',
      ...columns.map(mysqlColumn),
      ...columns.filter(column => column.index !== null).map(mysqlIndex)
    ]
    return [
      `CREATE TABLE IF NOT EXISTS ${mysqlDialect.quote(name)} (\n  ${lines.join(',\n  ')}\n` +
      `) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT=${literal(comment)}`
    ]
  },

  extend: (table, missing) => [`ALTER TABLE ${mysqlDialect.quote(table)} ${missing.map(column => `ADD COLUMN ${mysqlColumn(column)}`).join(', ')}`],

  index: (table, columns) => columns.filter(column => column.index !== null)
    .map(column => `ALTER TABLE ${mysqlDialect.quote(table)} ADD ${mysqlIndex(column)}`)
}

function mysqlColumn (column: Column): string {
  const comment = column.comment === '' ? '' : ` COMMENT ${literal(column.comment)}`
  return `${mysqlDialect.quote(column.name)} ${mysqlType(column)} NULL${comment}`
}

function mysqlIndex ({ name, index }: Column): string {
  return `${index === 'unique' ? 'UNIQUE KEY' : 'KEY'} ${mysqlDialect.quote(name)} (${mysqlDialect.quote(name)})`
}

function mysqlType ({ kind, length }: Column): string {
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

  create ({ name, columns }) {
    const lines = ['"id" INTEGER PRIMARY KEY AUTOINCREMENT', ...columns.map(sqliteColumn)]
    return [`CREATE TABLE IF NOT EXISTS ${sqliteDialect.quote(name)} (\n  ${lines.join(',\n  ')}\n)`, ...sqliteIndexes(name, columns)]
  },

  extend: (table, missing) => missing.map(column => `ALTER TABLE ${sqliteDialect.quote(table)} ADD COLUMN ${sqliteColumn(column)}`),

  index: (table, columns) => sqliteIndexes(table, columns)
}

function sqliteColumn (column: Column): string {
  return `${sqliteDialect.quote(column.name)} ${sqliteType(column)}`
}

/** Indexes share one name space in a database: the table's name goes before the column's. */
function sqliteIndexes (table: string, columns: readonly Column[]): string[] {
  return columns.filter(column => column.index !== null).map(({ name, index }) =>
    `CREATE ${index === 'unique' ? 'UNIQUE INDEX' : 'INDEX'} IF NOT EXISTS ${sqliteDialect.quote(`${table}.${name}`)} ` +
    `ON ${sqliteDialect.quote(table)} (${sqliteDialect.quote(name)})`)
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
