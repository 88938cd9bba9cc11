import type { Log } from '../log.js'
import { connectionOptions } from '../sql/mysql/session.js'
import type { Uri } from '../stream/uri.js'
import type { PurgeDatabase } from './sql/database.js'
import { mysqlPurgeDatabase } from './sql/mysql-database.js'
import { replicaCalm, type Replica, type ReplicaLimits } from './sql/replicas.js'
import { sqlPurgeStore, type SqlPurgeOptions } from './sql/store.js'
import type { PurgeStore } from './store.js'

export interface MysqlOptions {
  readonly log: Log
  /** Path of a my.cnf file; empty for none. */
  readonly defaultsFile: string
  /** Servers that are not to fall behind because of the purge. */
  readonly replicas?: readonly Replica[]
  readonly replicaLimits?: ReplicaLimits
}

export interface MysqlPurgeOptions extends MysqlOptions, Pick<SqlPurgeOptions, 'schemas' | 'pace'> {}

/** Tables of events in MySQL or MariaDB; `uri` as an output of a consumer has it. Connects when it is needed. Throws `ConfigError`. */
export function openMysqlPurge (uri: Uri, options: MysqlPurgeOptions): PurgeStore {
  const { db, calm } = openMysql(uri, options)
  return sqlPurgeStore(db, { ...options, calm })
}

/** The database, and what to wait for between statements that change it. Throws `ConfigError`. */
export function openMysql (uri: Uri, { defaultsFile, replicas = [], replicaLimits = { mostSeconds: 10 }, log }: MysqlOptions): { db: PurgeDatabase, calm: (stop: AbortSignal) => Promise<void> } {
  // an operator's mistake shows now
  for (const { uri: at, defaultsFile: file } of [{ uri, defaultsFile }, ...replicas]) connectionOptions(at, file)
  return { db: mysqlPurgeDatabase(uri, defaultsFile), calm: replicaCalm(replicas, replicaLimits, log) }
}
