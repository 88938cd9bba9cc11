import type { CommandContext } from '../../lib/cli/command.js'
import { openFiles, type FileMemory } from '../../lib/purge/files.js'
import { openMysqlPurge } from '../../lib/purge/mysql.js'
import { openSqlitePurge } from '../../lib/purge/sqlite.js'
import type { PurgeStore } from '../../lib/purge/store.js'
import { openJournals } from './journals.js'
import type { Database, Places } from './places.js'

/** Whom a purge of MySQL waits for. */
export interface Replicas {
  readonly databases: readonly Database[]
  readonly mostSeconds: number
}

/** Opens what there is. It is closed with the command. Throws `ConfigError`. */
export function openStores ({ databases, live, listFiles, states }: Places, memory: FileMemory, replicas: Replicas, ctx: CommandContext): PurgeStore[] {
  const stores = [
    ...databases.map(database => openDatabase(database, replicas, ctx)),
    ...listFiles().length === 0 ? [] : [openFiles({ list: async () => await Promise.resolve(listFiles()), isLive: path => live.includes(path), memory, stop: ctx.stop })],
    ...states.map(openJournals)
  ]
  for (const store of stores) ctx.defer(store.name, async () => { await store.close() })
  return stores
}

function openDatabase ({ uri, params }: Database, { databases, mostSeconds }: Replicas, { schemas, log }: CommandContext): PurgeStore {
  if (uri.scheme === 'sqlite') return openSqlitePurge(uri, { schemas, log })
  return openMysqlPurge(uri, {
    schemas,
    log,
    defaultsFile: defaultsFileOf(params),
    replicas: databases.map(replica => ({ uri: replica.uri, defaultsFile: defaultsFileOf(replica.params) })),
    replicaLimits: { mostSeconds }
  })
}

function defaultsFileOf (params: object): string {
  return 'defaults-file' in params ? String(params['defaults-file']) : ''
}
