import type { Options } from 'yargs'
import { defaultBackupFile } from '../../lib/backup/configuration.js'
import type { Transports } from '../../lib/cli/command.js'
import { ConfigError } from '../../lib/errors.js'
import type { Uri } from '../../lib/stream/uri.js'

/** Of every command of backups. */
export const configOption = { type: 'string', default: defaultBackupFile, requiresArg: true, description: 'File that says what is backed up, and where to' } as const satisfies Options

/** Of an option that names a database, as `mysql://127.0.0.1/log?defaults-file=…`. Throws `ConfigError`. */
export function databaseOption (option: string, value: string, writers: Transports['writers']): { uri: Uri, defaultsFile: string } {
  const { uri, params } = writers.check(value)
  if (uri.scheme !== 'mysql') throw new ConfigError('bad-option', `${option} ${uri.text}: give a database, as mysql://127.0.0.1/log?defaults-file=/etc/vanadium/my.cnf`)
  return { uri, defaultsFile: 'defaults-file' in params ? String(params['defaults-file']) : '' }
}
