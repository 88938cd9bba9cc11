import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { basename, join } from 'node:path'
import { geteuid } from 'node:process'
import { codeOf, ConfigError, messageOf } from '../errors.js'

/** A file that holds a password or a key, as it was read. */
export interface Secret {
  readonly bytes: Buffer
  readonly mtimeMs: number
}

export interface SecretOptions {
  /** What it is, as messages begin: `--optout-key`, `defaults-file`. */
  readonly what?: string
  /** Whether there is anything in it to hide; without this there is. What has no password may be everybody's. */
  readonly isSecret?: (bytes: Buffer) => boolean
  /** A key that the daemons make for themselves: mode 0600 and nothing else, no link, and no credential in its place. */
  readonly isOwn?: boolean
  /** A file that is larger is refused before it is read. */
  readonly mostBytes?: number
}

/** A my.cnf file, a registry, a key: none is larger. */
const defaultMostBytes = 1 << 20

/** What a unit sets as the default of a credential whose file may be missing: SetCredential= takes no empty value. */
const noCredential = '-'

let credentials: string | undefined

/** Where systemd has put the credentials of this process (`$CREDENTIALS_DIRECTORY`); undefined if nowhere. Called once, at its start. */
export function takeCredentialsFrom (directory: string | undefined): void {
  credentials = directory === '' ? undefined : directory
}

/**
 * Where a secret that the configuration calls `path` is: the credential of that file's name, if systemd gave one to this process, else
 * the file itself. So the same configuration serves a daemon that may not read the file and a person who may.
 */
export function placeOfSecret (path: string): string {
  if (credentials === undefined) return path
  const given = join(credentials, basename(path))
  try {
    return readFileSync(given, 'latin1') === noCredential ? path : given
  } catch {
    return path
  }
}

export function isSecretThere (path: string): boolean {
  return existsSync(placeOfSecret(path))
}

/**
 * What is in the file. Throws `ConfigError` if it cannot be read, is no regular file, or is not as private as a secret has to be: then the
 * message names its mode, its owner, and what to do.
 */
export function readSecret (path: string, options: SecretOptions = {}): Buffer {
  const found = findSecret(path, options)
  if (found === null) throw refused(options, path, `cannot be read: there is no such file; ${advice(path)}`)
  return found.bytes
}

/** The same, and nothing of what it says. */
export function checkSecret (path: string, options: SecretOptions = {}): void {
  readSecret(path, options).fill(0)
}

/** The same; null if there is no such file. */
export function findSecret (path: string, options: SecretOptions = {}): Secret | null {
  const { isOwn = false, isSecret = () => true, mostBytes = defaultMostBytes } = options
  const place = isOwn ? path : placeOfSecret(path)
  let fd: number
  try {
    // without O_NONBLOCK, opening a pipe would wait for a writer
    fd = openSync(place, constants.O_RDONLY | constants.O_NONBLOCK | (isOwn ? constants.O_NOFOLLOW : 0))
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return null
    if (codeOf(cause) === 'ELOOP' && isOwn) throw refused(options, place, 'is a symbolic link; name the file itself')
    throw refused(options, place, `cannot be read: ${messageOf(cause)}; ${isOwn ? 'name a file that this user can read and write' : advice(path)}`, cause)
  }
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile()) throw refused(options, place, 'is not a regular file; name one')
    if (stats.size > mostBytes) throw refused(options, place, `has ${stats.size} bytes; give at most ${mostBytes}`)
    const bytes = readFileSync(fd)
    const exposure = isSecret(bytes) ? exposureOf(place, stats, isOwn) : null
    if (exposure !== null) throw refused(options, place, exposure)
    return { bytes, mtimeMs: stats.mtimeMs }
  } finally {
    closeSync(fd)
  }
}

/** A URL with the password that a file has, if one is named: the whole file, but for a newline at its end. Throws `ConfigError`. */
export function withPassword (url: string, file: string | null, what: string): string {
  if (file === null) return url
  const whole = new URL(url)
  whole.password = encodeURIComponent(readSecret(file, { what }).toString('utf8').replace(/\r?\n$/, ''))
  return whole.href
}

/** Who may read or change what they should not, and what to do about it; null if nobody. */
export function exposureOf (path: string, { mode, uid }: Pick<Stats, 'mode' | 'uid'>, isOwn = false, user = geteuid?.() ?? 0): string | null {
  const bits = mode & 0o7777
  const has = `has mode 0${bits.toString(8)} and belongs to user ${uid}`
  if (isOwn && bits !== 0o600) return `${has}, but only its owner may read it; chmod 600 ${path}`
  if ((bits & 0o007) !== 0) return `${has}, but everybody on this host may ${(bits & 0o002) === 0 ? 'read' : 'change'} it; chmod ${(bits & 0o040) === 0 ? '0600' : '0640'} ${path}`
  if ((bits & 0o020) !== 0) return `${has}, but its group may change it; chmod g-w ${path}`
  // root may use what is anybody's; what root has not given to them, the daemons take from themselves alone
  if (uid !== 0 && uid !== user && (user !== 0 || isOwn)) return `${has}, who may change it; chown ${isOwn ? user : 'root'} ${path}`
  const link = lstatSync(path)
  if (link.isSymbolicLink() && link.uid !== 0 && link.uid !== user) return `is a symbolic link of user ${link.uid}, who may turn it elsewhere; name the file itself`
  return null
}

function advice (path: string): string {
  return `let it be a file that this user can read, or give it to the unit: LoadCredential=${basename(path)}:${path}`
}

function refused ({ what }: SecretOptions, path: string, why: string, cause?: unknown): ConfigError {
  return new ConfigError('bad-credentials', `${what === undefined ? '' : `${what} `}${path} ${why}`, { cause })
}
