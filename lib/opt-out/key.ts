import { createHmac, randomBytes } from 'node:crypto'
import { closeSync, constants, fchmodSync, fchownSync, fstatSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { geteuid, pid } from 'node:process'
import { codeOf, ConfigError, messageOf } from '../errors.js'

/** What identifiers are hashed with. Without it a list tells nothing; with it, whoever guesses an identifier can look it up. */
export interface OptOutKey {
  /** Of the key, to tell whether a list was made with it. */
  readonly id: string
  /** HMAC-SHA-256, 32 bytes. */
  digest (user: string): Buffer
}

const keyBytes = 32
const keySyntax = /^[0-9a-f]{64}\n?$/

/** Null if there is none. Throws `ConfigError` for what is no key, or can be read by everybody. */
export function readKey (file: string): OptOutKey | null {
  let fd: number
  try {
    // without O_NONBLOCK, opening a pipe would wait for a writer
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return null
    throw unusable(file, `: ${messageOf(cause)}`, cause)
  }
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile()) throw unusable(file, ' is not a regular file')
    if ((stats.mode & 0o007) !== 0) throw unusable(file, ` has mode 0${(stats.mode & 0o777).toString(8)}, but others must not read it; chmod o= ${file}`)
    if (stats.size > 2 * keyBytes + 1) throw unusable(file, ` has ${stats.size} bytes; a key is 64 hexadecimal digits`)
    const text = readFileSync(fd, 'latin1')
    if (!keySyntax.test(text)) throw unusable(file, ' is no key; a key is 64 hexadecimal digits')
    return keyOf(Buffer.from(text.trim(), 'hex'))
  } finally {
    closeSync(fd)
  }
}

/** The key; made if there is none, for root and the group of `directory`, in which the list is. Throws `ConfigError`. */
export function currentKey (file: string, directory: string): OptOutKey {
  const found = readKey(file)
  if (found !== null) return found
  try {
    makeKey(file, directory)
  } catch (cause) {
    throw unusable(file, `: ${messageOf(cause)}; the first time, run this as root`, cause)
  }
  return readKey(file) as OptOutKey
}

/** Leaves one that somebody else has made meanwhile. */
function makeKey (file: string, directory: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
  const unfinished = `${file}.${pid}`
  rmSync(unfinished, { force: true })
  const fd = openSync(unfinished, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    writeSync(fd, `${randomBytes(keyBytes).toString('hex')}\n`)
    fsyncSync(fd)
    if (geteuid?.() === 0) fchownSync(fd, 0, statSync(directory).gid)
    fchmodSync(fd, 0o640)
    linkSync(unfinished, file)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  } finally {
    closeSync(fd)
    rmSync(unfinished, { force: true })
  }
}

function keyOf (secret: Buffer): OptOutKey {
  const digest = (text: string): Buffer => createHmac('sha256', secret).update(text).digest()
  return { id: digest('vanadium optout key').toString('hex', 0, 8), digest }
}

function unusable (file: string, why: string, cause?: unknown): ConfigError {
  return new ConfigError('bad-credentials', `--optout-key ${file}${why}`, { cause })
}
