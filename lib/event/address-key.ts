import { randomBytes } from 'node:crypto'
import { closeSync, constants, fchmodSync, fstatSync, futimesSync, openSync, readSync, renameSync, rmSync, writeSync, type Stats } from 'node:fs'
import { geteuid } from 'node:process'
import { codeOf, ConfigError, messageOf } from '../errors.js'
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
  let fd: number
  try {
    // without O_NONBLOCK, opening a pipe would wait for a writer
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    if (codeOf(error) === 'ELOOP') throw refused(file, 'is a symbolic link; name the file itself')
    throw error
  }
  try {
    const stats = fstatSync(fd)
    refuseUnsafe(file, stats)
    const secret = Buffer.alloc(keyBytes)
    readSync(fd, secret, 0, keyBytes, 0)
    return { secret, createdMs: Math.round(stats.mtimeMs) }
  } finally {
    closeSync(fd)
  }
}

function refuseUnsafe (file: string, stats: Stats): void {
  const user = geteuid?.()
  const mode = stats.mode & 0o7777
  if (!stats.isFile()) throw refused(file, 'is not a regular file; name one, or a file that is not there yet')
  if (stats.uid !== 0 && stats.uid !== user) throw refused(file, `belongs to user ${stats.uid}; chown ${user} ${file}, or remove it: it is made anew`)
  if (mode !== 0o600) throw refused(file, `has mode 0${mode.toString(8)}, but only its owner may read it; chmod 600 ${file}`)
  if (stats.size !== keyBytes) throw refused(file, `has ${stats.size} bytes, a key has ${keyBytes}; remove it: it is made anew, chmod 600`)
}

function refused (file: string, why: string): ConfigError {
  return new ConfigError('bad-credentials', `address key ${file} ${why}`)
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
