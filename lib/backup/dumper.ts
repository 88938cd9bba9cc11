import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { codeOf, ConfigError, messageOf, StreamError } from '../errors.js'
import { placeOfSecret } from '../file/secret-file.js'
import { readDefaultsFile } from '../sql/mysql/defaults-file.js'
import { connectionOptions } from '../sql/mysql/session.js'
import { chunksOf } from '../stream/chunks.js'
import type { Uri } from '../stream/uri.js'

export interface Dumper {
  /** What mariadb-dump prints of some rows of a table, all as they are at one moment. Throws `StreamError` at the end if anything was wrong. */
  dump (table: string, where: string, stop: AbortSignal): AsyncGenerator<Buffer>
  close (): void
}

/** Of the message of a program that fails. */
const mostMessageCharacters = 2000

const options = [
  '--single-transaction', '--quick', '--skip-lock-tables', '--skip-add-locks', '--skip-disable-keys', '--skip-triggers', '--no-create-info', '--no-tablespaces',
  // a table that has gained a column since takes it, and so does one that has some of the rows
  '--complete-insert', '--insert-ignore',
  // whatever bytes there are; the same rows make the same file
  '--hex-blob', '--default-character-set=utf8mb4', '--tz-utc', '--skip-dump-date', '--max-allowed-packet=1G'
]

/**
 * Runs mariadb-dump with the account and the TLS that a connection of ours would have. It reads them from a file that has no name any more: nothing is
 * on a command line, and nothing is left behind. Throws `ConfigError`.
 */
export function openDumper (uri: Uri, defaultsFile: string, directory: string): Dumper {
  const credentials = openCredentials(uri, defaultsFile, directory)
  return {
    async * dump (table, where, stop) {
      const child = spawn('mariadb-dump', ['--defaults-file=/proc/self/fd/3', ...options, `--where=${where}`, '--', uri.path.slice(1), table], { stdio: ['ignore', 'pipe', 'pipe', credentials] })
      const ended = endOf(child, table)
      const kill = (): void => { child.kill() }
      stop.addEventListener('abort', kill)
      try {
        yield * chunksOf(child.stdout as Readable, `mariadb-dump of ${table}`, stop)
        await ended
        if (stop.aborted) throw new StreamError('stopped', `the dump of ${table} was stopped`)
      } finally {
        stop.removeEventListener('abort', kill)
        kill()
        // whoever does not want the rest does not want to hear of its end
        await ended.catch(() => {})
      }
    },
    close: () => { closeSync(credentials) }
  }
}

async function endOf (child: ChildProcess, table: string): Promise<void> {
  let message = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => { message = `${message}${text}`.slice(-mostMessageCharacters) })
  const code = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', cause => {
      reject(codeOf(cause) === 'ENOENT'
        ? new ConfigError('bad-option', 'tables: there is no mariadb-dump; install it (Debian package mariadb-client)', { cause })
        : new StreamError('cannot-read', `mariadb-dump of ${table}: ${messageOf(cause)}`, { cause }))
    })
    child.once('close', (code, signal) => { resolve(code ?? signal) })
  })
  if (code !== 0) throw new StreamError('cannot-read', `mariadb-dump of ${table} ended with ${code}: ${message.trim().replaceAll('\n', '; ')}`)
}

/**
 * For `--defaults-file=/proc/self/fd/…` of MariaDB's programs: the account and the TLS that a connection of ours would have, in a file that has no name. Whoever
 * opens it closes it. Throws `ConfigError`.
 */
export function openCredentials (uri: Uri, defaultsFile: string, directory: string): number {
  return withoutName(directory, optionFile(uri, defaultsFile))
}

/** A file that only who has it open can read. */
function withoutName (directory: string, text: string): number {
  const path = join(directory, `.${randomBytes(8).toString('hex')}`)
  const fd = openSync(path, 'wx+', 0o600)
  unlinkSync(path)
  writeSync(fd, text)
  return fd
}

/** An option file of MariaDB's programs that says what `connectionOptions` does: https://mariadb.com/kb/en/configuring-mariadb-with-option-files/ */
function optionFile (uri: Uri, defaultsFile: string): string {
  const { host, port, socketPath, user = '', password = '', ssl } = connectionOptions(uri, defaultsFile)
  const file = defaultsFile === '' ? new Map<string, string>() : readDefaultsFile(defaultsFile)
  const tls = typeof ssl === 'object' ? ssl : undefined
  const [ca, certificate, key] = ['ssl-ca', 'ssl-cert', 'ssl-key'].map(name => file.get(name))
  return [
    '[client]',
    `user=${quoted(user)}`,
    `password=${quoted(password)}`,
    ...socketPath === undefined ? ['protocol=tcp', `host=${quoted(host ?? '')}`, `port=${port}`] : ['protocol=socket', `socket=${quoted(socketPath)}`],
    ...tls === undefined
      ? ['skip-ssl']
      : ['ssl', ...[['ssl-ca', ca], ['ssl-cert', certificate], ['ssl-key', key === undefined ? key : placeOfSecret(key)]].flatMap(([name, path]) => path === undefined ? [] : [`${name}=${quoted(path)}`]),
          tls.verifyIdentity === true ? 'ssl-verify-server-cert' : 'skip-ssl-verify-server-cert'],
    ''
  ].join('\n')
}

function quoted (value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('\r', '\\r')}"`
}
