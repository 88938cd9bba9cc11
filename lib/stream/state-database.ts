import { existsSync, mkdirSync, statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { codeOf, ConfigError, messageOf } from '../errors.js'
import { diskError, isDamage, refuseWithout, setAsideFor } from './damage.js'
import { DamagedEntry } from './journal-entries.js'
import { ledgerTable } from './ledger.js'
import { beginRun, type FsyncPolicy } from './last-run.js'

/** Of what is in the file: a build that does not know one takes no part of it. Raised only when an older build would do harm. */
const format = 1
/** The file of what was written and not checkpointed is cut back to so many bytes. */
const mostWalBytes = 64 << 20

/**
 * Opens the database of a state, or makes it. Sets it aside when it is damaged. Lets the lock go when it throws: `ConfigError`, or
 * `StreamError` when the disk fails.
 */
export function openDatabase (file: string, lock: Database.Database, fsync: FsyncPolicy): { db: Database.Database, isRenewed: boolean } {
  let db: Database.Database | undefined
  try {
    refuseWithout(file)
    const isNew = !existsSync(file) || statSync(file).size === 0
    db = new Database(file)
    const found = db.pragma('user_version', { simple: true }) as number
    if (found > format) throw new ConfigError('newer-state', `--state: ${file} is of a newer vanadium (format ${found}, this one knows ${format}); run that version, or give this one another directory`)
    // batches are large: written in SQLite's usual pages of 4 KB, a journal takes nearly twice as long
    db.pragma('page_size = 16384')
    // before anything else is in it, and only then, as it writes: what is pruned leaves the file, too
    if (isNew) db.pragma('auto_vacuum = INCREMENTAL')
    db.pragma('journal_mode = WAL')
    // of the large pages; the log stays small beside a small disk, too
    db.pragma('wal_autocheckpoint = 500')
    db.pragma(`journal_size_limit = ${mostWalBytes}`)
    db.exec(`
      BEGIN;
      CREATE TABLE IF NOT EXISTS identity (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL) STRICT;
      INSERT OR IGNORE INTO identity VALUES (1, lower(hex(randomblob(8))));
      CREATE TABLE IF NOT EXISTS remark (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS sequence (name TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS position (source TEXT PRIMARY KEY, position TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS journal (
        name TEXT PRIMARY KEY, id TEXT NOT NULL, next INTEGER NOT NULL, bytes INTEGER NOT NULL, previous_id TEXT, previous_next INTEGER
      ) STRICT;
      CREATE TABLE IF NOT EXISTS journal_entry (
        journal TEXT NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, time_ms INTEGER NOT NULL, saved_ms INTEGER NOT NULL, schemas TEXT NOT NULL, payload BLOB NOT NULL
      ) STRICT;
      CREATE UNIQUE INDEX IF NOT EXISTS journal_entry_first ON journal_entry (journal, first);
      CREATE TABLE IF NOT EXISTS journal_subscriber (
        journal TEXT NOT NULL, subscriber TEXT NOT NULL, next INTEGER NOT NULL, heard_ms INTEGER NOT NULL, PRIMARY KEY (journal, subscriber)
      ) STRICT;
      CREATE TABLE IF NOT EXISTS run (one INTEGER PRIMARY KEY, boot_id TEXT, fsync TEXT NOT NULL, orderly INTEGER NOT NULL) STRICT;
      ${ledgerTable}
      PRAGMA user_version = ${format};
      COMMIT;
    `)
    checkNumbers(db)
    return { db, isRenewed: beginRun(db, fsync) }
  } catch (cause) {
    db?.close()
    const failure = isDamage(cause) ? setAsideFor(file, cause) : cause
    lock.close()
    if (failure instanceof ConfigError) throw failure
    if (/^SQLITE_(FULL|IOERR)/.test(codeOf(cause) ?? '')) throw diskError(file, cause)
    throw new ConfigError('bad-option', `--state: ${file}: ${messageOf(cause)}; let it be a state of vanadium's that this user can write, or name another directory`, { cause })
  }
}

/**
 * Moves what is in the log into the file, as far as readers let it, so that the log is written from its beginning again. What a full
 * disk has no room for stays in the log; then it is false.
 */
export function checkpoint (db: Database.Database): boolean {
  try {
    db.pragma('wal_checkpoint(PASSIVE)')
    return true
  } catch (error) {
    if (codeOf(error) !== 'SQLITE_FULL') throw error
    return false
  }
}

/** What can be seen at once to be wrong; `vanadium journal check` looks at all. */
function checkNumbers (db: Database.Database): void {
  const wrong = db.prepare<[], { name: string, next: number, end: number }>(`SELECT name, next, end FROM (
    SELECT name, next, (SELECT first + count FROM journal_entry WHERE journal = name ORDER BY first DESC LIMIT 1) AS end FROM journal
  ) WHERE end > next`).get()
  if (wrong !== undefined) throw new DamagedEntry(`journal ${wrong.name} has records up to number ${wrong.end - 1}, and would go on with ${wrong.next}`)
}

/**
 * Holds the instance for as long as the process lives: a lock of the kernel's, on a file of its own, so that the database
 * stays readable to operators and a killed daemon leaves nothing to clean up.
 */
export function lockInstance (directory: string, file: string, instance: string): Database.Database {
  let lock: Database.Database | undefined
  try {
    mkdirSync(directory, { recursive: true })
    // `vanadium status` looks whether it is held, for a moment
    lock = new Database(file, { timeout: 500 })
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (cause) {
    lock?.close()
    if (codeOf(cause)?.startsWith('SQLITE_BUSY') === true) {
      throw new ConfigError('state-in-use', `--state ${directory}: another process runs as "${instance}"; give each instance its own --name`, { cause })
    }
    throw new ConfigError('bad-option', `--state ${directory}: ${messageOf(cause)}; name a directory that this user can write`, { cause })
  }
}
