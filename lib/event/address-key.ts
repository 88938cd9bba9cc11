import { randomBytes } from 'node:crypto'
import { closeSync, constants, fchmodSync, futimesSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { codeOf, ConfigError, messageOf } from '../errors.js'
import { findSecret } from '../file/secret-file.js'
import { locked } from './file-lock.js'

/** The key that addresses are hashed with: 64 random bytes, which are the whole file. Its age is the file's mtime. */
export interface AddressKey {
  readonly secret: Buffer
  readonly createdMs: number
}

const keyBytes = 64
const dayMs = 24 * 3600 * 1000

/**
 * The key in `file`; made if the file is not there, replaced if it is too old. However many processes ask at once, all get the
 * same. Throws `ConfigError` when the file is not a key that only this user can read, or cannot be made.
 */
export function currentKey (file: string, maxAgeMs: number, timeMs: number): AddressKey {
  const valid = (): AddressKey | null => {
    const key = readKey(file)
    return key === null || isOver(key, maxAgeMs, timeMs) ? null : key
  }
  try {
    return valid() ?? locked(file, () => valid() ?? makeKey(file, timeMs))
  } catch (cause) {
    if (cause instanceof ConfigError || codeOf(cause) === undefined) throw cause
    throw new ConfigError('bad-credentials', `address key ${file}: ${messageOf(cause)}; name a file that this user can read and write`, { cause })
  }
}

/** A key from the future was made when the clock was wrong: its age is unknown. A day is for clocks that are set right. */
export function isOver ({ createdMs }: AddressKey, maxAgeMs: number, timeMs: number): boolean {
  return timeMs >= createdMs + maxAgeMs || timeMs < createdMs - dayMs
}

/** Null if there is no file. */
function readKey (file: string): AddressKey | null {
  const found = findSecret(file, { what: 'address key', isOwn: true })
  if (found === null) return null
  const { bytes, mtimeMs } = found
  if (bytes.length !== keyBytes) throw new ConfigError('bad-credentials', `address key ${file} has ${bytes.length} bytes, a key has ${keyBytes}; remove it: it is made anew, chmod 600`)
  return { secret: bytes, createdMs: Math.round(mtimeMs) }
}

/** Called with the lock held. A process that is killed here leaves a key that was never used, and that the next one replaces. */
function makeKey (file: string, timeMs: number): AddressKey {
  const unfinished = `${file}.new`
  rmSync(unfinished, { force: true })
  const secret = randomBytes(keyBytes)
  const fd = openSync(unfinished, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    fchmodSync(fd, 0o600)
    writeSync(fd, secret)
    futimesSync(fd, timeMs / 1000, timeMs / 1000)
  } finally {
    closeSync(fd)
  }
  renameSync(unfinished, file)
  return { secret, createdMs: timeMs }
}
