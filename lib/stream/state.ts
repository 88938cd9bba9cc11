import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { codeOf, ConfigError, messageOf } from '../errors.js'
import type { Position } from './contracts.js'
import { diskError, Health, isDamage, refuseWithout, setAsideFor } from './damage.js'
import { DiskReserve } from './disk-reserve.js'
import { DamagedEntry } from './journal-entries.js'
import { openJournal, type Journal, type JournalHome, type Staged } from './journal.js'
import { ledgerTable, StoredLedger, type Ledger } from './ledger.js'
import { beginRun, endRun, type FsyncPolicy } from './last-run.js'

/** Numbers that never repeat, across restarts and crashes too: blocks are reserved on disk before their numbers are given. */
export interface Sequence {
  /** Takes `count` consecutive numbers; returns the first. Starts at 0. */
  take (count: number): number
  /**
   * The same, for numbers that nobody sees before the next `save`, which they are part of: they go on without a gap, whatever was
   * killed.
   */
  takeHeld (count: number): number
}

/**
 * What an instance remembers across restarts: one SQLite database, of which it is the only writer, but for
 * `vanadium journal forget`. Its methods throw `StreamError` when the disk fails or is full; then nothing has changed. They throw
 * `ConfigError` when the database is damaged; it is set aside at `close`.
 */
export interface State {
  /** Tells this state from one that was made anew in its place: 16 hex digits. */
  readonly id: string
  sequence (name: string): Sequence
  /** How far a source was read and is safe downstream; null if it never was. */
  position (source: string): Position | null
  /** Durable with the next `save`, after which `saved` is called. */
  remember (source: string, position: Position, saved?: () => void): void
  /** Durable at once: for what is true whatever becomes of what was put in. */
  note (source: string, position: Position): void
  readonly ledger: Ledger
  /** Writes down something about the instance, for people, at once; what cannot be written is not worth an error. */
  remark (key: string, value: string): void
  /** The journal of that name; the same one for the same name. */
  journal (name: string): Journal
  /**
   * Makes durable, in one transaction, all that was put in since the last time: all of it or, when it throws, nothing, to be
   * tried again.
   */
  save (): void
  /** What was not saved is forgotten. */
  close (): void
}

/** Numbers reserved at a time. A crash skips at most as many. */
const block = 100_000

export interface StateOptions {
  readonly fsync?: FsyncPolicy
}

/** The file of what was written and not checkpointed is cut back to so many bytes. */
const mostWalBytes = 64 << 20

/**
 * Opens, or makes, `<directory>/<instance>.sqlite`. Throws `ConfigError` when the directory cannot be used, another process holds
 * the instance, or its database is damaged, which sets that aside.
 */
export function openState (directory: string, instance: string, { fsync = 'save' }: StateOptions = {}): State {
  const file = stateFile(directory, instance)
  const lock = lockInstance(directory, `${file}.lock`, instance)
  const { db, isRenewed } = openDatabase(file, lock, fsync)
  const health = new Health(file)
  const attempt: JournalHome['attempt'] = work => health.attempt(work)
  const reserve = new DiskReserve(`${file}.reserve`)
  const sequences = new Map<string, StoredSequence>()
  const journals = new Map<string, Journal>()
  const ledger = new StoredLedger(db)
  let staged: Staged[] = []
  const stage = (change: Staged): void => { staged.push(change) }
  const applyAll = db.transaction((changes: readonly Staged[]) => {
    for (const change of changes) change.apply()
    ledger.apply()
  })
  const readPosition = db.prepare<[string], { position: string }>('SELECT position FROM position WHERE source = ?')
  const writePosition = db.prepare('INSERT INTO position VALUES (?, ?) ON CONFLICT DO UPDATE SET position = excluded.position')
  const writeRemark = db.prepare('INSERT INTO remark VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value')
  let open = true

  return {
    id: attempt(() => db.prepare<[], { id: string }>('SELECT id FROM identity').get()?.id ?? ''),
    sequence (name) {
      let sequence = sequences.get(name)
      if (sequence === undefined) sequences.set(name, sequence = attempt(() => new StoredSequence(db, name, attempt, stage)))
      return sequence
    },
    position: source => attempt(() => readPosition.get(source)?.position ?? null),
    remember (source, position, saved) {
      stage({ apply: () => { writePosition.run(source, position) }, ...(saved === undefined ? {} : { saved }) })
    },
    ledger,
    remark (key, value) {
      try {
        writeRemark.run(key, value)
      } catch { /* the disk is full or damaged, which the next save says */ }
    },
    note (source, position) { attempt(() => writePosition.run(source, position)) },
    journal (name) {
      let journal = journals.get(name)
      if (journal === undefined) journals.set(name, journal = attempt(() => openJournal({ db, reserve, attempt, stage, isRenewed }, name)))
      return journal
    },
    save () {
      if (staged.length === 0 && ledger.size === 0) return
      const changes = staged
      attempt(() => { applyAll.immediate(changes) })
      staged = []
      ledger.clear()
      for (const change of changes) change.saved?.()
    },
    close () {
      if (!open) return
      open = false
      try {
        if (!health.isDamaged) {
          for (const sequence of sequences.values()) sequence.giveBack()
          attempt(() => { endRun(db, fsync) })
        }
      } finally {
        db.close()
        health.setAsideIfDamaged()
        lock.close()
      }
    }
  }
}

export function stateFile (directory: string, instance: string): string {
  return join(directory, `${instance.replace(/[^A-Za-z0-9_.@-]/g, '_')}.sqlite`)
}

class StoredSequence implements Sequence {
  readonly #store: (next: number) => void
  readonly #storeHeld: (next: number) => void
  #next: number
  #reserved: number

  constructor (db: Database.Database, name: string, attempt: JournalHome['attempt'], stage: JournalHome['stage']) {
    const statement = db.prepare('INSERT INTO sequence VALUES (?, ?) ON CONFLICT DO UPDATE SET next = excluded.next')
    this.#store = next => { attempt(() => statement.run(name, next)) }
    this.#storeHeld = next => { stage({ apply: () => { statement.run(name, next) } }) }
    this.#next = db.prepare<[string], { next: number }>('SELECT next FROM sequence WHERE name = ?').get(name)?.next ?? 0
    this.#reserved = this.#next
  }

  take (count: number): number {
    const first = this.#next
    const next = first + count
    if (next > this.#reserved) this.#reserve(next + block)
    this.#next = next
    return first
  }

  takeHeld (count: number): number {
    const first = this.#next
    this.#next = this.#reserved = first + count
    this.#storeHeld(this.#next)
    return first
  }

  /** After an orderly stop the numbers go on where they ended. */
  giveBack (): void {
    if (this.#reserved !== this.#next) this.#reserve(this.#next)
  }

  #reserve (below: number): void {
    this.#store(below)
    this.#reserved = below
  }
}

function openDatabase (file: string, lock: Database.Database, fsync: FsyncPolicy): { db: Database.Database, isRenewed: boolean } {
  let db: Database.Database | undefined
  try {
    refuseWithout(file)
    const isNew = !existsSync(file) || statSync(file).size === 0
    db = new Database(file)
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
function lockInstance (directory: string, file: string, instance: string): Database.Database {
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
