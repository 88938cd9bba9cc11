import { join } from 'node:path'
import Database from 'better-sqlite3'
import { codeOf, ConfigError, messageOf } from '../errors.js'
import { giveToOwnerOf } from '../event/file-lock.js'
import { makeDirectory } from './directories.js'

/**
 * Holds a staging area for one command, by a lock of the kernel's, which a killed process cannot leave behind. Returns what lets it go. Throws
 * `ConfigError` if another one has it, or it cannot be written to.
 */
export function lockBackup (to: string): () => void {
  let lock: Database.Database | undefined
  try {
    makeDirectory(to)
    lock = new Database(join(to, '.lock'), { timeout: 0 })
    giveToOwnerOf(to, join(to, '.lock'))
    lock.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    lock?.close()
    if (/^SQLITE_BUSY/.test(codeOf(cause) ?? '')) throw new ConfigError('state-in-use', `${to} is in use by another vanadium backup; wait until that is done`, { cause })
    throw new ConfigError('bad-option', `to: ${to}: ${messageOf(cause)}; give a directory that this user can write`, { cause })
  }
  const held = lock
  return () => { held.close() }
}
