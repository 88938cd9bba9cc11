import { mkdirSync, statfsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { codeOf, ConfigError, messageOf, StreamError } from '../errors.js'
import type { Position } from './contracts.js'
import { openJournal, type Journal, type Staged } from './journal.js'

/** Numbers that never repeat, across restarts and crashes too: blocks are reserved on disk before their numbers are given. */
export interface Sequence {
  /** Takes `count` consecutive numbers; returns the first. Starts at 0. */
  take (count: number): number
}

/**
 * What an instance remembers across restarts: one SQLite database, of which it is the only writer. Its methods throw
 * `StreamError` when the disk fails or is full; then nothing has changed.
 */
export interface State {
  sequence (name: string): Sequence
  /** How far a source was read and is safe downstream; null if it never was. */
  position (source: string): Position | null
  /** Durable with the next `save`, after which `saved` is called. */
  remember (source: string, position: Position, saved?: () => void): void
  /** Durable at once: for what is true whatever becomes of what was put in. */
  note (source: string, position: Position): void
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

/**
 * Opens, or makes, `<directory>/<instance>.sqlite`. Power cuts are survived for what these methods have returned
 * (`synchronous=FULL`). Throws `ConfigError` when the directory cannot be used or another process holds the instance.
 */
export function openState (directory: string, instance: string): State {
  const file = stateFile(directory, instance)
  const lock = lockInstance(directory, `${file}.lock`, instance)
  const db = openDatabase(file, lock)
  const sequences = new Map<string, StoredSequence>()
  const journals = new Map<string, Journal>()
  let staged: Staged[] = []
  const stage = (change: Staged): void => { staged.push(change) }
  const applyAll = db.transaction((changes: readonly Staged[]) => { for (const change of changes) change.apply() })
  const readPosition = db.prepare<[string], { position: string }>('SELECT position FROM position WHERE source = ?')
  const writePosition = db.prepare('INSERT INTO position VALUES (?, ?) ON CONFLICT DO UPDATE SET position = excluded.position')
  let open = true

  return {
    sequence (name) {
      let sequence = sequences.get(name)
      if (sequence === undefined) sequences.set(name, sequence = new StoredSequence(db, name))
      return sequence
    },
    position: source => readPosition.get(source)?.position ?? null,
    remember (source, position, saved) {
      stage({ apply: () => { writePosition.run(source, position) }, ...(saved === undefined ? {} : { saved }) })
    },
    note (source, position) { stored(db, () => writePosition.run(source, position)) },
    journal (name) {
      let journal = journals.get(name)
      if (journal === undefined) journals.set(name, journal = openJournal(db, name, stage))
      return journal
    },
    save () {
      if (staged.length === 0) return
      const changes = staged
      leaveSpare(db, changes.reduce((bytes, change) => bytes + (change.bytes ?? 0), 0))
      stored(db, () => { applyAll.immediate(changes) })
      staged = []
      for (const change of changes) change.saved?.()
    },
    close () {
      if (!open) return
      open = false
      try {
        for (const sequence of sequences.values()) sequence.giveBack()
      } finally {
        db.close()
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
  #next: number
  #reserved: number

  constructor (db: Database.Database, name: string) {
    const statement = db.prepare('INSERT INTO sequence VALUES (?, ?) ON CONFLICT DO UPDATE SET next = excluded.next')
    this.#store = next => { stored(db, () => statement.run(name, next)) }
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

  /** After an orderly stop the numbers go on where they ended. */
  giveBack (): void {
    if (this.#reserved !== this.#next) this.#reserve(this.#next)
  }

  #reserve (below: number): void {
    this.#store(below)
    this.#reserved = below
  }
}

function stored (db: Database.Database, write: () => void): void {
  try {
    write()
  } catch (cause) {
    throw diskError(db.name, cause)
  }
}

/**
 * A journal must not fill its disk to the last byte: also what makes room, pruning and the checkpoint after it, needs some first.
 * An eighth of the disk if that is less.
 */
const spareBytes = 16 << 20

/** Throws `StreamError` if the database would have to grow into the spare room. */
function leaveSpare (db: Database.Database, bytes: number): void {
  if (bytes === 0) return
  const unused = Number(db.pragma('freelist_count', { simple: true })) * Number(db.pragma('page_size', { simple: true }))
  // entries end within a page
  if (unused >= 2 * bytes) return
  const { blocks, bavail, bsize } = statfsSync(dirname(db.name))
  const spare = Math.min(spareBytes, blocks * bsize / 8)
  // what is in the log is copied into the database at the next checkpoint
  const log = statSync(`${db.name}-wal`, { throwIfNoEntry: false })?.size ?? 0
  if (bavail * bsize - log - bytes >= spare) return
  throw new StreamError('no-space', `${db.name}: the disk has ${bavail * bsize} bytes left; ${Math.round(spare + log)} are kept for making room in the journal`)
}

function diskError (file: string, cause: unknown): StreamError {
  return new StreamError(codeOf(cause) === 'SQLITE_FULL' ? 'no-space' : 'cannot-write', `${file}: ${messageOf(cause)}`, { cause })
}

function openDatabase (file: string, lock: Database.Database): Database.Database {
  let db: Database.Database | undefined
  try {
    db = new Database(file)
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.exec(`
      CREATE TABLE IF NOT EXISTS sequence (name TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS position (source TEXT PRIMARY KEY, position TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS journal (name TEXT PRIMARY KEY, id TEXT NOT NULL, next INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS journal_entry (
        journal TEXT NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, time_ms INTEGER NOT NULL, payload BLOB NOT NULL
      ) STRICT;
      CREATE UNIQUE INDEX IF NOT EXISTS journal_entry_first ON journal_entry (journal, first);
      CREATE TABLE IF NOT EXISTS journal_subscriber (
        journal TEXT NOT NULL, subscriber TEXT NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (journal, subscriber)
      ) STRICT;
    `)
    return db
  } catch (cause) {
    db?.close()
    lock.close()
    if (/^SQLITE_(FULL|IOERR)/.test(codeOf(cause) ?? '')) throw diskError(file, cause)
    throw new ConfigError('bad-option', `--state: ${file}: ${messageOf(cause)}; let it be a state of vanadium's that this user can write, or name another directory`, { cause })
  }
}

/**
 * Holds the instance for as long as the process lives: a lock of the kernel's, on a file of its own, so that the database
 * stays readable to operators and a killed daemon leaves nothing to clean up.
 */
function lockInstance (directory: string, file: string, instance: string): Database.Database {
  let lock: Database.Database | undefined
  try {
    mkdirSync(directory, { recursive: true })
    lock = new Database(file, { timeout: 0 })
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
