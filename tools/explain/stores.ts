import type { Transports } from '../../lib/cli/command.js'
import { ConfigError, messageOf, StreamError } from '../../lib/errors.js'
import { mysqlDialect, sqliteDialect } from '../../lib/sql/ddl.js'
import { classify } from '../../lib/sql/errors.js'
import type { Context } from '../../lib/stream/contracts.js'
import { hidePasswords } from '../../lib/stream/uri.js'
import { databaseTarget, type CheckedDatabase, type DatabaseTarget, type Row } from '../check/database.js'
import type { Places } from './places.js'

/** A database that is asked for rows; it is opened when it is asked first. */
export interface AskedStore {
  readonly name: string
  /** Rows of a table whose key is one of these. Resolves with words if that cannot be known. */
  rows (table: string, key: string, values: readonly string[]): Promise<readonly Row[] | string>
  /** Tables that have a column for the key of an event, each with that column; or words. */
  tables (): Promise<ReadonlyArray<{ readonly table: string, readonly key: string }> | string>
}

/** A server that is away is not waited for longer, in milliseconds. */
const mostMs = 60_000

/** Throws `ConfigError` for what is no database, unless the consumers of this host name it: then it is one that cannot be asked. */
export function prepareStores ({ stores, areGiven }: Pick<Places, 'stores' | 'areGiven'>, transports: Pick<Transports, 'writers'>): (ctx: Context) => AskedStore[] {
  const opens = stores.map(uri => {
    try {
      return asking(databaseTarget('--store', uri, transports), uri.startsWith('mysql:') ? mysql : sqlite)
    } catch (error) {
      if (areGiven || !(error instanceof ConfigError)) throw error
      const words = `could not be asked: ${error.message}`
      return () => ({ name: hidePasswords(uri).replace(/\?.*$/, ''), rows: async () => await Promise.resolve(words), tables: async () => await Promise.resolve(words) })
    }
  })
  return ctx => {
    const end = new AbortController()
    ctx.defer('stores', () => { end.abort() })
    return opens.map(open => open(AbortSignal.any([ctx.stop, end.signal])))
  }
}

/** How a database is asked which tables it has. */
interface Kind {
  readonly quote: (name: string) => string
  readonly tables: string
}

function asking (target: DatabaseTarget, { quote, tables }: Kind): (end: AbortSignal) => AskedStore {
  return end => {
    let opened: Promise<CheckedDatabase> | null = null
    const ask = async (sql: string, ...values: string[]): Promise<readonly Row[]> => {
      opened ??= target.open('explain', AbortSignal.any([end, AbortSignal.timeout(mostMs)]))
      return await (await opened).query(sql, ...values)
    }
    return {
      name: target.name,
      rows: async (table, key, values) => await orWords(async () =>
        await ask(`SELECT * FROM ${quote(table)} WHERE ${quote(key)} IN (${values.map(() => '?').join(', ')}) LIMIT 1`, ...values)),
      tables: async () => await orWords(async () => (await ask(tables)).map(row => ({ table: String(row['name']), key: String(row['key_name']) })))
    }
  }
}

const mysql: Kind = {
  quote: mysqlDialect.quote,
  tables: `
    SELECT c.table_name AS name, c.column_name AS key_name FROM information_schema.columns c
    JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE'
    WHERE c.table_schema = DATABASE() AND c.column_name IN ('uuid', 'meta_id') ORDER BY 1`
}

const sqlite: Kind = {
  quote: sqliteDialect.quote,
  tables: `
    SELECT m.name AS name, c.name AS key_name FROM sqlite_schema m, pragma_table_info(m.name) c
    WHERE m.type = 'table' AND c.name IN ('uuid', 'meta_id') ORDER BY 1`
}

async function orWords<T> (ask: () => Promise<T>): Promise<T | string> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof StreamError) return `could not be asked: ${messageOf(error)}`
    switch (classify(error)) {
      case 'schema': return 'has no such table yet'
      case 'wait': case 'operator': return `could not be asked: ${messageOf(error)}`
      case 'row': case 'bug': throw error
    }
  }
}
