import type { Options } from 'yargs'
import type { Transports } from '../../lib/cli/command.js'
import { ConfigError } from '../../lib/errors.js'
import { isSecretThere } from '../../lib/file/secret-file.js'
import type { Log } from '../../lib/log.js'
import type { MysqlOptions } from '../../lib/purge/mysql.js'
import { databaseOf, type Database } from './places.js'

/** Of every command that deletes from MySQL. */
export const mysqlOptions = {
  'defaults-file': { type: 'string', requiresArg: true, description: 'my.cnf of the account that purges MySQL: consumers may not delete [default: /etc/vanadium/purge.cnf, if it is there; else what the URIs name]' },
  replica: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Replicas, as mysql: URIs, that the purge of MySQL waits for when they fall behind' },
  'replica-lag': { type: 'number', default: 10, requiresArg: true, description: 'Seconds that they may be behind' }
} as const satisfies Record<string, Options>

const purgeAccount = '/etc/vanadium/purge.cnf'

interface Given {
  readonly 'defaults-file'?: string | undefined
  readonly replica: readonly string[]
  readonly 'replica-lag': number
}

/** Of which account, and waiting for whom, a database is to be opened. Throws `ConfigError`. */
export function mysqlOptionsOf (given: Given, transports: Transports): (database: Database, log: Log) => MysqlOptions {
  const { replica, 'replica-lag': mostSeconds } = given
  const account = given['defaults-file'] ?? (isSecretThere(purgeAccount) ? purgeAccount : null)
  const replicas = replica.map(uri => databaseOf('--replica', uri, ['mysql'], transports)).map(({ uri, params }) => ({ uri, defaultsFile: defaultsFileOf(params) }))
  if (!(mostSeconds > 0)) throw new ConfigError('bad-option', `--replica-lag ${mostSeconds}: give seconds, more than 0`)
  return ({ params }, log) => ({ log, defaultsFile: account ?? defaultsFileOf(params), replicas, replicaLimits: { mostSeconds } })
}

function defaultsFileOf (params: object): string {
  return 'defaults-file' in params ? String(params['defaults-file']) : ''
}
