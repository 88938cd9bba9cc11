import { createHmac, randomBytes } from 'node:crypto'
import { closeSync, constants, fchmodSync, fchownSync, fsyncSync, linkSync, mkdirSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { geteuid, pid } from 'node:process'
import { codeOf, ConfigError, messageOf } from '../errors.js'
import { findSecret } from '../file/secret-file.js'

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
  const found = findSecret(file, { what: '--optout-key', mostBytes: 2 * keyBytes + 1 })
  if (found === null) return null
  const text = found.bytes.toString('latin1')
  if (!keySyntax.test(text)) throw unusable(file, ' is no key; a key is 64 hexadecimal digits')
  return keyOf(Buffer.from(text.trim(), 'hex'))
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
