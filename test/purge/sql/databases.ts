import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { PurgeDatabase } from '../../../lib/purge/sql/database.js'
import { mysqlPurgeDatabase } from '../../../lib/purge/sql/mysql-database.js'
import { sqlitePurgeDatabase } from '../../../lib/purge/sql/sqlite-database.js'
import { mysqlDialect, sqliteDialect, type Dialect } from '../../../lib/sql/ddl.js'
import { parseUri } from '../../../lib/stream/uri.js'
import { needsMariadb, startMariadb, type Row } from '../../helpers/mariadb.js'
import { mysqlUri } from '../../sql/fixtures.js'

/** An empty database of one test. Integers beyond 2^53 come as text. */
export interface TestDatabase {
  readonly uri: string
  readonly dialect: Dialect
  query (sql: string): Promise<Row[]>
  /** One that the consumer has made. */
  dropIndex (table: string, name: string): Promise<void>
  /** As the purge has it; a new connection. */
  open (): PurgeDatabase
}

export interface DatabaseKind {
  readonly name: 'mysql' | 'sqlite'
  readonly skip: string | false
  start (): Promise<{ database (): Promise<TestDatabase>, stop (): Promise<void> }>
}

export const databaseKinds: readonly DatabaseKind[] = [
  {
    name: 'sqlite',
    skip: false,
    async start () {
      const directory = mkdtempSync(join(tmpdir(), 'vanadium-purge-'))
      let files = 0
      return await Promise.resolve({
        database: async () => await Promise.resolve(sqliteDatabase(join(directory, `${files++}.sqlite`))),
        stop: async () => { await Promise.resolve(rmSync(directory, { recursive: true })) }
      })
    }
  },
  {
    name: 'mysql',
    skip: needsMariadb,
    async start () {
      const server = await startMariadb()
      return {
        async database () {
          const name = await server.database()
          const uri = mysqlUri(server, name)
          const query = async (sql: string): Promise<Row[]> => await server.query(sql, name)
          return { uri, dialect: mysqlDialect, query, dropIndex: async (table, index) => { await query(`DROP INDEX \`${index}\` ON ${table}`) }, open: () => mysqlPurgeDatabase(parseUri(uri), '') }
        },
        stop: server.stop
      }
    }
  }
]

function sqliteDatabase (file: string): TestDatabase {
  const connect = (): Database.Database => {
    const db = new Database(file)
    db.pragma('journal_mode = WAL')
    // nothing here outlives the test
    db.pragma('synchronous = OFF')
    return db
  }
  connect().close()

  async function query (sql: string): Promise<Row[]> {
    const db = connect()
    try {
      const statement = db.prepare<[], Row>(sql)
      if (statement.reader) return await Promise.resolve(statement.safeIntegers().all().map(exact))
      statement.run()
      return []
    } finally {
      db.close()
    }
  }

  return {
    uri: `sqlite://${file}`,
    dialect: sqliteDialect,
    query,
    dropIndex: async (table, index) => { await query(`DROP INDEX "${table}.${index}"`) },
    open: () => sqlitePurgeDatabase(connect(), file)
  }
}

/** Integers as numbers, or as text beyond 2^53. */
function exact (row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, typeof value !== 'bigint' ? value : Number.isSafeInteger(Number(value)) ? Number(value) : String(value)]))
}

export class Interrupted extends Error {}

/** Ends at the statement of that number, before it or, of a commit, also after it: as a process that is killed. */
export function interrupting (db: PurgeDatabase, at: number): PurgeDatabase {
  let left = at
  function step (): void {
    if (--left === 0) throw new Interrupted('interrupted')
  }
  return {
    ...db,
    async query (sql) {
      step()
      return await db.query(sql)
    },
    async execute (sql) {
      step()
      return await db.execute(sql)
    },
    async transaction (work) {
      step()
      const result = await db.transaction(async within => {
        const result = await work({
          async query (sql) {
            step()
            return await within.query(sql)
          },
          async execute (sql) {
            step()
            return await within.execute(sql)
          }
        })
        step()
        return result
      })
      step()
      return result
    }
  }
}
