import { warnOfReaders } from '../sql/mysql/defaults-file.js'
import { connectionOptions } from '../sql/mysql/session.js'
import type { Uri } from '../stream/uri.js'
import { mysqlPurgeDatabase } from './sql/mysql-database.js'
import { replicaCalm, type Replica, type ReplicaLimits } from './sql/replicas.js'
import { sqlPurgeStore, type SqlPurgeOptions } from './sql/store.js'
import type { PurgeStore } from './store.js'

export interface MysqlPurgeOptions extends Pick<SqlPurgeOptions, 'schemas' | 'log' | 'pace'> {
  /** Path of a my.cnf file; empty for none. */
  readonly defaultsFile: string
  /** Servers that are not to fall behind because of the purge. */
  readonly replicas?: readonly Replica[]
  readonly replicaLimits?: ReplicaLimits
}

/** Tables of events in MySQL or MariaDB; `uri` as an output of a consumer has it. Connects when it is needed. Throws `ConfigError`. */
export function openMysqlPurge (uri: Uri, options: MysqlPurgeOptions): PurgeStore {
  const { defaultsFile, replicas = [], replicaLimits = { mostSeconds: 10 }, log } = options
  // an operator's mistake shows now
  for (const { uri: at, defaultsFile: file } of [{ uri, defaultsFile }, ...replicas]) connectionOptions(at, file)
  if (defaultsFile !== '') warnOfReaders(defaultsFile, log)
  return sqlPurgeStore(mysqlPurgeDatabase(uri, defaultsFile), { ...options, calm: replicaCalm(replicas, replicaLimits, log) })
}
