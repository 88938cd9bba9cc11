import { openMysqlReader } from '../../../lib/sql/mysql/reader.js'
import { tupleOf } from '../../../lib/sql/mysql/literals.js'
import { mysqlDialect } from '../../../lib/sql/ddl.js'
import { ConfigError } from '../../../lib/errors.js'
import type { Query } from '../../../lib/backup/table.js'
import type { Uri } from '../../../lib/stream/uri.js'

/** A database that is made for one rehearsal, and is gone after it. */
export interface Scratch {
  readonly database: string
  /** In that database. */
  readonly query: Query
  drop (): Promise<void>
}

/** Tells a database of ours, which a rehearsal that was killed has left, from somebody else's. */
const marker = 'vanadium_rehearsal'

/** Throws `ConfigError` for a database that has anything in it that no rehearsal made. */
export async function openScratch (uri: Uri, defaultsFile: string, stop: AbortSignal): Promise<Scratch> {
  const database = uri.path.slice(1)
  const quoted = mysqlDialect.quote(database)
  const { query } = await openMysqlReader({ ...uri, path: '/information_schema' }, defaultsFile, 'backup rehearse', stop)
  const [lock] = await query(`SELECT GET_LOCK(${literal(`vanadium-rehearse ${database}`.slice(0, 64))}, 0) AS held`)
  if (Number(lock?.['held']) !== 1) throw new ConfigError('state-in-use', `--scratch ${uri.text}: another rehearsal uses that database; wait until it is done`)
  const tables = (await query(`SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ${literal(database)}`)).map(({ name }) => String(name))
  if (tables.length > 0 && !tables.includes(marker)) throw new ConfigError('bad-option', `--scratch ${uri.text}: that database has tables that no rehearsal made, as ${tables[0] ?? ''}; name one that is not there, as mysql://127.0.0.1/vanadium_scratch`)
  await query(`DROP DATABASE IF EXISTS ${quoted}`)
  await query(`CREATE DATABASE ${quoted} DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`)
  await query(`USE ${quoted}`)
  await query(`CREATE TABLE ${marker} (made DATETIME NOT NULL) COMMENT='This database is dropped after a rehearsal'`)
  return {
    database,
    query,
    drop: async () => { await query(`DROP DATABASE IF EXISTS ${quoted}`) }
  }
}

function literal (text: string): string {
  return tupleOf([text]).slice(1, -1)
}
