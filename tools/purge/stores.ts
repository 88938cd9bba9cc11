import { realpathSync } from 'node:fs'
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

export interface MysqlOptions extends Replicas {
  /** Defaults-file of the account that purges; null for those of the URIs. */
  readonly account: string | null
}

/** Opens what there is. It is closed with the command. Throws `ConfigError`. */
export function openStores ({ databases, live, listFiles, states }: Places, memory: FileMemory, { account, ...replicas }: MysqlOptions, ctx: CommandContext): PurgeStore[] {
  const stores = [
    ...databases.map(database => openDatabase(database, account ?? defaultsFileOf(database.params), replicas, ctx)),
    ...listFiles().length === 0 ? [] : [openFiles({ list: async () => await Promise.resolve(listFiles()), isLive: isAmong(live), memory, stop: ctx.stop })],
    ...states.map(openJournals)
  ]
  for (const store of stores) ctx.defer(store.name, async () => { await store.close() })
  return stores
}

/** Whatever links lead to it: a daemon appends to the file, not to the name. */
function isAmong (live: readonly string[]): (path: string) => boolean {
  return path => {
    const real = realPath(path)
    return live.some(one => realPath(one) === real)
  }
}

function realPath (path: string): string {
  try {
    return realpathSync(path)
  } catch {
    // of one that is not there the name is all there is
    return path
  }
}

function openDatabase ({ uri }: Database, defaultsFile: string, { databases, mostSeconds }: Replicas, { schemas, log }: CommandContext): PurgeStore {
  if (uri.scheme === 'sqlite') return openSqlitePurge(uri, { schemas, log })
  return openMysqlPurge(uri, {
    schemas,
    log,
    defaultsFile,
    replicas: databases.map(replica => ({ uri: replica.uri, defaultsFile: defaultsFileOf(replica.params) })),
    replicaLimits: { mostSeconds }
  })
}

function defaultsFileOf (params: object): string {
  return 'defaults-file' in params ? String(params['defaults-file']) : ''
}
