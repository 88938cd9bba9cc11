import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { Transports } from '../../lib/cli/command.js'
import { ConfigError, StreamError } from '../../lib/errors.js'
import { openMysqlReader, type Way } from '../../lib/sql/mysql/reader.js'
import { connectionOptions } from '../../lib/sql/mysql/session.js'
import { hidePasswords, type Uri } from '../../lib/stream/uri.js'

export type Row = Readonly<Record<string, unknown>>

/** A database that a check reads. */
export interface CheckedDatabase {
  /** Of a statement with a `?` for each value. After an error the database is to be opened again. */
  query (sql: string, ...values: Array<string | number>): Promise<readonly Row[]>
  /** Where the connection goes; null if not over the network. */
  readonly way: Way | null
}

/** Which database an operator means, checked but not opened. */
export interface DatabaseTarget {
  /** Without a password. */
  readonly name: string
  /** `program` is shown to the server. Whatever waits fails, and all is closed, when `signal` is aborted. */
  open (program: string, signal: AbortSignal): Promise<CheckedDatabase>
}

/** SQLite blocks the process for as long as another one writes. */
const busyMs = 500

const kinds = ['mysql', 'sqlite'] as const
const examples = { mysql: 'mysql://user@host/database?defaults-file=/etc/vanadium/check.cnf', sqlite: 'sqlite:///path' } as const

/** A URI as an output of a consumer has it, with an account that need not write. Throws `ConfigError` that names the option. */
export function databaseTarget (option: string, text: string, { writers }: Pick<Transports, 'writers'>, allowedKinds: ReadonlyArray<typeof kinds[number]> = kinds): DatabaseTarget {
  const allowed = `give ${allowedKinds.map(kind => examples[kind]).join(' or ')}`
  const scheme = allowedKinds.find(kind => text.toLowerCase().startsWith(`${kind}:`))
  const { uri, params } = scheme === undefined ? { uri: null, params: {} } : writers.check(text)
  if (uri === null) throw new ConfigError('bad-option', `${option} "${hidePasswords(text).slice(0, 100)}" is no database that can be read; ${allowed}`)
  if (scheme === 'sqlite') return { name: uri.path, open: async () => await Promise.resolve(openSqlite(uri)) }
  const defaultsFile = 'defaults-file' in params ? String(params['defaults-file']) : ''
  // what is wrong with the file shows at once
  connectionOptions(uri, defaultsFile)
  return {
    name: uri.text.replace(/\?.*$/, ''),
    async open (program, signal) {
      const reader = await openMysqlReader(uri, defaultsFile, program, signal)
      return { way: reader.way, query: async (sql, ...values) => await reader.query(sql, values) }
    }
  }
}

/** Calls `giveUp`, which is to close the connection, when a statement has no answer for so long. */
export function withDeadline ({ way, query }: CheckedDatabase, seconds: number, giveUp: () => void): CheckedDatabase {
  return {
    way,
    async query (sql, ...values) {
      const timer = setTimeout(giveUp, seconds * 1000)
      try {
        return await query(sql, ...values)
      } finally {
        clearTimeout(timer)
      }
    }
  }
}

function openSqlite ({ path }: Uri): CheckedDatabase {
  if (!existsSync(path)) throw new StreamError('cannot-read', `there is no ${path}`)
  return {
    way: null,
    async query (sql, ...values) {
      const db = new Database(path, { readonly: true, fileMustExist: true, timeout: busyMs })
      try {
        return await Promise.resolve(db.prepare<Array<string | number>, Row>(sql).all(...values))
      } finally {
        db.close()
      }
    }
  }
}
