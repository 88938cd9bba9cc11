import { join } from 'node:path'
import type Database from 'better-sqlite3'
import { StreamError } from '../errors.js'
import type { Position } from './contracts.js'
import { Health } from './damage.js'
import { DiskReserve, reserveNeedsBytes } from './disk-reserve.js'
import { openJournal, type Journal, type JournalHome, type Staged } from './journal.js'
import { StoredLedger, type Ledger } from './ledger.js'
import { endRun, type FsyncPolicy } from './last-run.js'
import { checkpoint, lockInstance, openDatabase } from './state-database.js'

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
  /** What was written down last; null if nothing was, or it cannot be read. */
  remarked (key: string): string | null
  /** The journal of that name; the same one for the same name. */
  journal (name: string): Journal
  /** Gives the database to who keeps tables of its own in it: what is staged is part of the next save. */
  extend<T> (open: (home: StateHome) => T): T
  /**
   * Makes durable, in one transaction, all that was put in since the last time: all of it or, when it throws, nothing, to be
   * tried again.
   */
  save (): void
  /** What was not saved is forgotten. */
  close (): void
}

/** What tables of somebody's own need of the state that they are in. */
export type StateHome = Pick<JournalHome, 'db' | 'attempt' | 'stage'>

/** Numbers reserved at a time. A crash skips at most as many. */
const block = 100_000

export interface StateOptions {
  readonly fsync?: FsyncPolicy
}

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
  const reserve = new DiskReserve(`${file}.reserve`, () => { checkpoint(db) })
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
  const readRemark = db.prepare<[string], { value: string }>('SELECT value FROM remark WHERE key = ?')
  /** What was saved last has no room in the file: the reserve would not be enough for more of that, and pruning would stand still. */
  let isInLog = false
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
    remarked (key) {
      try {
        return readRemark.get(key)?.value ?? null
      } catch {
        return null
      }
    },
    note (source, position) { attempt(() => writePosition.run(source, position)) },
    journal (name) {
      let journal = journals.get(name)
      if (journal === undefined) journals.set(name, journal = attempt(() => openJournal({ db, reserve, attempt, stage, isRenewed }, name)))
      return journal
    },
    extend: open => attempt(() => open({ db, attempt, stage })),
    save () {
      if (staged.length === 0 && ledger.size === 0) return
      if (isInLog) isInLog = !attempt(() => checkpoint(db))
      if (reserve.isSpent) reserve.hold()
      if (isInLog || reserve.isSpent) throw new StreamError('no-space', `${file}: the disk is full; ${reserveNeedsBytes >> 20} MiB have to be free, what there is is for pruning the journals`)
      const changes = staged
      attempt(() => { applyAll.immediate(changes) })
      staged = []
      ledger.clear()
      for (const change of changes) change.saved?.()
      // last: what throws here must not let what is saved be saved again
      if (reserve.isTight) isInLog = !attempt(() => checkpoint(db))
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
