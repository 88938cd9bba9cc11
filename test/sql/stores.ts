import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Test } from 'tap'
import type { SchemaRepository } from '../../lib/event/schemas.js'
import type { Writer } from '../../lib/stream/contracts.js'
import { testContext, type TestContext } from '../helpers/context.js'
import { needsMariadb, startMariadb, type Row } from '../helpers/mariadb.js'
import { mysqlUri, openWriter } from './fixtures.js'

/** An empty database of one test. Integers beyond 2^53 come as text. */
export interface TestStore {
  readonly uri: string
  query (sql: string): Promise<Row[]>
  /** All rows of a table, in the order they were stored. */
  rows (table: string): Promise<Row[]>
}

export interface StoreKind {
  readonly name: 'mysql' | 'mysql without LOAD DATA LOCAL' | 'sqlite'
  readonly skip: string | false
  start (): Promise<{ store (): Promise<TestStore>, stop (): Promise<void> }>
}

/** What both writers are tested on. */
export const storeKinds: readonly StoreKind[] = [
  { name: 'mysql', skip: needsMariadb, start: async () => await startMysql() },
  // rows come by INSERT; nor does the server insist on anything
  { name: 'mysql without LOAD DATA LOCAL', skip: needsMariadb, start: async () => await startMysql('--local-infile=0', '--sql-mode=') },
  {
    name: 'sqlite',
    skip: false,
    async start () {
      const directory = mkdtempSync(join(tmpdir(), 'vanadium-sqlite-'))
      let files = 0
      return await Promise.resolve({
        async store () {
          const file = join(directory, 'made', `${files++}.sqlite`)
          const query = async (sql: string): Promise<Row[]> => await Promise.resolve(querySqlite(file, sql))
          return await Promise.resolve({ uri: `sqlite://${file}`, query, rows: async table => await query(`SELECT * FROM "${table}" ORDER BY id`) })
        },
        async stop () { await Promise.resolve(rmSync(directory, { recursive: true })) }
      })
    }
  }
]

async function startMysql (...args: string[]): ReturnType<StoreKind['start']> {
  const server = await startMariadb(args)
  return {
    async store () {
      const database = await server.database()
      const query = async (sql: string): Promise<Row[]> => await server.query(sql, database)
      return { uri: mysqlUri(server, database), query, rows: async table => await query(`SELECT * FROM \`${table}\` ORDER BY id`) }
    },
    stop: server.stop
  }
}

function querySqlite (file: string, sql: string): Row[] {
  const db = new Database(file)
  try {
    const statement = db.prepare<[], Record<string, unknown>>(sql)
    if (!statement.reader) {
      statement.run()
      return []
    }
    return statement.safeIntegers().all().map(row => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, fromInteger(value)])))
  } finally {
    db.close()
  }
}

function fromInteger (value: unknown): unknown {
  if (typeof value !== 'bigint') return value
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()
}

export interface Opened {
  readonly ctx: TestContext
  readonly writer: Writer
}

/** A writer into the store, closed when the test ends. */
export async function openOn (t: Test, { uri }: Pick<TestStore, 'uri'>, schemas: SchemaRepository): Promise<Opened> {
  const ctx = testContext({ schemas })
  const writer = await openWriter(uri, ctx)
  t.teardown(async () => {
    await writer.close()
    await ctx.end()
  })
  return { ctx, writer }
}
