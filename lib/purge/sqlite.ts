import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { ConfigError, messageOf } from '../errors.js'
import type { Uri } from '../stream/uri.js'
import type { PurgeDatabase } from './sql/database.js'
import { sqlitePurgeDatabase } from './sql/sqlite-database.js'
import { sqlPurgeStore, type SqlPurgeOptions } from './sql/store.js'
import type { PurgeStore } from './store.js'

/** How long SQLite itself waits for another process that writes; it blocks this one meanwhile. */
const busyMs = 500

/** Tables of events in a SQLite file; `uri` as an output of a consumer has it. Throws `ConfigError` when there is none. */
export function openSqlitePurge (uri: Uri, options: SqlPurgeOptions): PurgeStore {
  return sqlPurgeStore(openSqlite(uri), options)
}

export function openSqlite (uri: Uri): PurgeDatabase {
  if (!existsSync(uri.path)) throw new ConfigError('bad-uri', `${uri.text}: there is no such file; name a SQLite file of a consumer`)
  try {
    return sqlitePurgeDatabase(new Database(uri.path, { timeout: busyMs, fileMustExist: true }), uri.text)
  } catch (cause) {
    throw new ConfigError('bad-uri', `${uri.text} cannot be opened: ${messageOf(cause)}; run this as the user of the consumer`, { cause })
  }
}
