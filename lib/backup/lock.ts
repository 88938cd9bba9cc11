import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { codeOf, ConfigError, messageOf, StreamError } from '../errors.js'
import { giveToOwnerOf } from '../event/file-lock.js'
import type { Log } from '../log.js'
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

const lookMs = 1000

/** As `lockBackup`, but waits while another command has it: after a boot all timers are due at once. Throws `StreamError` when it is stopped. */
export async function waitForBackup (to: string, mostMs: number, { stop, log }: { readonly stop: AbortSignal, readonly log: Log }): Promise<() => void> {
  const untilMs = performance.now() + mostMs
  for (let isTold = false; ; isTold = true) {
    try {
      return lockBackup(to)
    } catch (error) {
      if (!(error instanceof ConfigError) || error.code !== 'state-in-use' || performance.now() >= untilMs) throw error
      if (!isTold) log.warn('another vanadium backup is at work; waiting until it is done', { to, seconds: mostMs / 1000 })
      await wait(lookMs, undefined, { signal: stop }).catch((cause: unknown) => { throw new StreamError('stopped', `waiting for ${to} was stopped`, { cause }) })
    }
  }
}
