import { existsSync, statSync } from 'node:fs'
import { inspectBackup } from '../../lib/backup/configuration.js'
import { codeOf, ConfigError, messageOf } from '../../lib/errors.js'
import { checkSecret } from '../../lib/file/secret-file.js'
import { connectionOptions } from '../../lib/sql/mysql/session.js'
import { problemAt, type Problem } from './problem.js'

/** What is wrong with what backups are made of, and with the credentials that it names. */
export function backupProblems ({ file, isNamed }: { readonly file: string, readonly isNamed: boolean }): Problem[] {
  if (!isNamed && !existsSync(file)) return []
  const { configuration, problems } = inspectBackup(file)
  const found = problems.map(({ file, line, text }): Problem => ({ file, line, severity: 'error', message: text }))
  if (configuration === null) return found
  const { tables, destinations } = configuration
  const secrets = [
    ...tables === null ? [] : [() => { connectionOptions(tables.uri, tables.defaultsFile) }],
    ...destinations.flatMap(destination => destination.kind === 'rsync' && destination.passwordFile !== null ? [() => { checkSecret(String(destination.passwordFile), { what: 'password-file' }) }] : [])
  ]
  // a disk may be mounted only when it is needed
  const away = destinations.flatMap(destination => destination.kind === 'directory' && statSync(destination.path, { throwIfNoEntry: false })?.isDirectory() !== true
    ? [problemAt({ file, line: null }, `destinations: ${destination.path} is no directory that is there; it gets no backup before it is`, 'warning')]
    : [])
  return [...secrets.flatMap(look => secretProblems(file, look)), ...away]
}

/** One that this user may not read may be as it should: systemd gives a copy of it. */
function secretProblems (file: string, look: () => void): Problem[] {
  try {
    look()
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    if (codeOf(error.cause) !== 'EACCES') return [problemAt({ file, line: null }, error.message)]
    return [problemAt({ file, line: null }, `${messageOf(error.cause)}: this user may not read it, and it is not looked at; check as root`, 'warning')]
  }
}
