import type { TablePlan } from '../../lib/sql/columns.js'
import { mysqlDialect, sqliteDialect, type Dialect } from '../../lib/sql/ddl.js'

export const dialectNames = ['mysql', 'sqlite'] as const
export type DialectName = typeof dialectNames[number]

interface Script {
  readonly dialect: Dialect
  /** What a session must be told first for the statements to mean the same as in the consumer's. */
  begin (plans: readonly TablePlan[]): string[]
}

const scripts: Record<DialectName, Script> = {
  mysql: { dialect: mysqlDialect, begin: beginMysql },
  sqlite: { dialect: sqliteDialect, begin: () => [] }
}

/** Statements that make the tables, as a client of the database takes them from its standard input. */
export function scriptOf (name: DialectName, plans: readonly TablePlan[]): string {
  const { dialect, begin } = scripts[name]
  return [...begin(plans), ...plans.flatMap(plan => dialect.create(plan))].map(statement => `${statement};\n`).join('\n')
}

/** The client's character set follows the locale, and how a literal is read follows the server's `sql_mode`. */
function beginMysql (plans: readonly TablePlan[]): string[] {
  return [
    'SET NAMES utf8mb4',
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
    // MySQL wants a privilege for it, so not where there is no need
    ...plans.some(({ columns }) => columns.length > mostColumnsInStrictMode) ? ['SET SESSION innodb_strict_mode = OFF'] : []
  ]
}

/** Strict InnoDB refuses a table whose rows could be longer than 8,126 bytes, without what it can move out: 370 strings, 60 uuids. */
const mostColumnsInStrictMode = 50
