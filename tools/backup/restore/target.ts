import type { DumpedTable } from './source.js'
import type { Target } from './table.js'
import { setUpSession } from '../../../lib/backup/table.js'
import { ConfigError } from '../../../lib/errors.js'
import { mysqlDialect } from '../../../lib/sql/ddl.js'
import { tupleOf } from '../../../lib/sql/mysql/literals.js'
import { openMysqlReader } from '../../../lib/sql/mysql/reader.js'
import type { Uri } from '../../../lib/stream/uri.js'

/** Tells what an interrupted restore has begun from what was there before. */
const marker = 'vanadium_restore'

/** The database into which all of it is restored. */
export interface RestoreTarget extends Target {
  /** Of the tables that are to be restored, those that have rows which no restore has begun to bring. */
  occupied (tables: readonly DumpedTable[]): Promise<string[]>
  /** From now on these tables are those of a restore, until it is through. Throws the server's error if the account may not write. */
  begin (): Promise<void>
  finish (): Promise<void>
}

/** Throws `ConfigError` while another restore is going on there. */
export async function openTarget (uri: Uri, defaultsFile: string, stop: AbortSignal): Promise<RestoreTarget> {
  const { query } = await openMysqlReader(uri, defaultsFile, 'backup restore', stop)
  await setUpSession(query)
  const [lock] = await query('SELECT GET_LOCK(LEFT(CONCAT(\'vanadium-restore \', DATABASE()), 64), 0) AS held')
  if (Number(lock?.['held']) !== 1) throw new ConfigError('state-in-use', `--into ${uri.text}: another restore is going on there; wait until it is done`)
  const isThere = async (table: string): Promise<boolean> => (await query(`SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ${tupleOf([table])}`)).length > 0
  return {
    uri,
    defaultsFile,
    query,
    async occupied (tables) {
      if (await isThere(marker)) return []
      const found: string[] = []
      for (const { table } of tables) if (await isThere(table) && (await query(`SELECT 1 FROM ${mysqlDialect.quote(table)} LIMIT 1`)).length > 0) found.push(table)
      return found
    },
    begin: async () => {
      await query(`CREATE TABLE IF NOT EXISTS ${marker} (begun DATETIME NOT NULL) COMMENT='A restore of backups is going on, or was interrupted'`)
      await query(`INSERT INTO ${marker} VALUES (UTC_TIMESTAMP())`)
    },
    finish: async () => { await query(`DROP TABLE ${marker}`) }
  }
}
