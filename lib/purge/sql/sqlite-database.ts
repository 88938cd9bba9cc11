import type Database from 'better-sqlite3'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, StreamError, VanadiumError } from '../../errors.js'
import { sqliteDialect } from '../../sql/ddl.js'
import { classify } from '../../sql/errors.js'
import { declared } from '../../sql/existing.js'
import type { SqlValue } from '../../sql/values.js'
import { RowsGone } from './change.js'
import type { FoundTable, PurgeDatabase, Row, Statements } from './database.js'

/** One connection. Statements block the process for as long as they take. */
export function sqlitePurgeDatabase (db: Database.Database, name: string): PurgeDatabase {
  // what is deleted is overwritten, and so is not in the file any more: https://sqlite.org/pragma.html#pragma_secure_delete
  db.pragma('secure_delete = ON')

  const statements: Statements = {
    query: async sql => await Promise.resolve(db.prepare<[], Record<string, unknown>>(sql).safeIntegers().all().map(plain)),
    execute: async sql => await Promise.resolve(run(db, sql))
  }

  return {
    ...statements,
    name,
    quote: sqliteDialect.quote,
    literal,
    // there is one writer at a time, and it commits ids in their order
    waitForRows: '',
    types: { key: 'CHAR(40) NOT NULL PRIMARY KEY', text: 'TEXT', integer: 'BIGINT', number: 'DOUBLE', day: 'DATE NOT NULL', options: '' },
    replacing: (key, columns) => `ON CONFLICT (${key}) DO UPDATE SET ${columns.filter(column => column !== key).map(column => `${sqliteDialect.quote(column)} = excluded.${sqliteDialect.quote(column)}`).join(', ')}`,
    tables: async () => await Promise.resolve(tablesOf(db)),
    requireWritable: async () => {},

    async transaction (work) {
      db.exec('BEGIN IMMEDIATE')
      try {
        const result = await work(statements)
        db.exec('COMMIT')
        return result
      } catch (error) {
        if (db.inTransaction) db.exec('ROLLBACK')
        throw error
      }
    },

    remedyOf (error) {
      if (error instanceof RowsGone) return 'smaller'
      if (error instanceof VanadiumError || classify(error) !== 'wait') return 'none'
      return 'smaller'
    },

    explain: error => error instanceof VanadiumError || classify(error) !== 'wait'
      ? error
      : new StreamError('cannot-write', `${name}: ${messageOf(error)}`, { cause: error }),

    /** What was overwritten is in the log before the file until that is emptied, which those who read may delay. */
    async tidy () {
      for (let attempt = 0; attempt < 20; attempt++) {
        const [result] = db.pragma('wal_checkpoint(TRUNCATE)') as Array<{ busy: number }>
        if (result?.busy !== 1) return
        await sleep(100)
      }
    },

    close: async () => { await Promise.resolve(db.close()) }
  }
}

function run (db: Database.Database, sql: string): number {
  return db.prepare(sql).run().changes
}

/** Integers as numbers where that is exact. */
function plain (row: Record<string, unknown>): Row {
  for (const [name, value] of Object.entries(row)) if (typeof value === 'bigint' && BigInt(Number(value)) === value && Number.isSafeInteger(Number(value))) row[name] = Number(value)
  return row
}

function literal (value: SqlValue): string {
  if (value === null) return 'NULL'
  // its digits alone are one too many for an integer
  if (typeof value === 'bigint') return value === -(2n ** 63n) ? '(-9223372036854775807 - 1)' : String(value)
  // without a point or an exponent it would be an integer, and one of more than 64 bits none
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : value.toExponential()
  // text ends at a NUL in SQL
  return value.includes('\0') ? `CAST(x'${Buffer.from(value).toString('hex')}' AS TEXT)` : `'${value.replaceAll("'", "''")}'`
}

function tablesOf (db: Database.Database): FoundTable[] {
  const names = db.prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'").all()
  const numbered = db.prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE name = 'sqlite_sequence'").get() !== undefined
  const next = numbered ? new Map(db.prepare<[], { name: string, seq: number }>('SELECT name, seq FROM sqlite_sequence').all().map(({ name, seq }) => [name, seq + 1])) : new Map<string, number>()
  return names.map(({ name }) => ({ name, comment: '', columns: columnsOf(db, name), indexed: indexedIn(db, name), nextId: next.get(name) ?? null }))
}

function columnsOf (db: Database.Database, table: string): FoundTable['columns'] {
  const rows = db.prepare<[string], { name: string, type: string, notnull: number, hidden: number }>('SELECT name, type, "notnull", hidden FROM pragma_table_xinfo(?)').all(table)
  return rows.map(({ name, type, notnull, hidden }) => ({ ...declared(name, type), nullable: notnull === 0, generated: hidden > 1 }))
}

function indexedIn (db: Database.Database, table: string): Set<string> {
  const rows = db.prepare<[string], { name: string | null }>('SELECT info.name FROM pragma_index_list(?) AS list, pragma_index_info(list.name) AS info WHERE info.seqno = 0').all(table)
  return new Set(rows.flatMap(({ name }) => name === null ? [] : [name.toLowerCase()]))
}
