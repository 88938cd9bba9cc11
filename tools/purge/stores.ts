import type { CommandContext } from '../../lib/cli/command.js'
import { openFiles, type FileMemory } from '../../lib/purge/files.js'
import { openMysqlPurge } from '../../lib/purge/mysql.js'
import { openSqlitePurge } from '../../lib/purge/sqlite.js'
import type { PurgeStore } from '../../lib/purge/store.js'
import { openJournals } from './journals.js'
import type { mysqlOptionsOf } from './mysql-options.js'
import type { Database, Places } from './places.js'

type MysqlOptionsOf = ReturnType<typeof mysqlOptionsOf>

/** Opens what there is. It is closed with the command. Throws `ConfigError`. */
export function openStores ({ databases, isLive, listFiles, states }: Places, memory: FileMemory, mysql: MysqlOptionsOf, ctx: CommandContext): PurgeStore[] {
  const stores = [
    ...databases.map(database => openDatabase(database, mysql, ctx)),
    ...listFiles().length === 0 ? [] : [openFiles({ list: async () => await Promise.resolve(listFiles()), isLive, memory, stop: ctx.stop })],
    ...states.map(openJournals)
  ]
  for (const store of stores) ctx.defer(store.name, async () => { await store.close() })
  return stores
}

function openDatabase (database: Database, mysql: MysqlOptionsOf, { schemas, log }: CommandContext): PurgeStore {
  const { uri } = database
  return uri.scheme === 'sqlite' ? openSqlitePurge(uri, { schemas, log }) : openMysqlPurge(uri, { schemas, ...mysql(database, log) })
}
