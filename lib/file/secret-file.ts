import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { ConfigError, messageOf } from '../errors.js'

export interface SecretOptions {
  /** What it is, as messages begin: `curve`. */
  readonly what?: string
}

/** What is in the file. Throws `ConfigError` if it cannot be read, is no regular file, or everybody on the host may read or change it. */
export function readSecret (path: string, { what }: SecretOptions = {}): Buffer {
  const name = what === undefined ? path : `${what} ${path}`
  let fd: number
  try {
    // without O_NONBLOCK, opening a pipe would wait for a writer
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    throw new ConfigError('bad-credentials', `${name} cannot be read: ${messageOf(cause)}; name a file that this user can read`, { cause })
  }
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile()) throw new ConfigError('bad-credentials', `${name} is not a regular file; name one`)
    const mode = `0${(stats.mode & 0o7777).toString(8)}`
    if ((stats.mode & 0o007) !== 0) throw new ConfigError('bad-credentials', `${name} has mode ${mode}, but everybody on this host may read it; chmod 0600 ${path}`)
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}
