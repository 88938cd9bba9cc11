import type Database from 'better-sqlite3'
import { nameAmong } from '../../lib/event/composition.js'
import { entryReader } from '../../lib/stream/journal-entries.js'
import type { Subscriber } from '../../lib/stream/journal-subscribers.js'
import { minuteOf, type LedgerEntry } from '../../lib/stream/ledger.js'
import { instancesIn, openForReading, type StateDatabase } from '../journal/databases.js'

/** What an instance wrote down about itself, at one moment. */
export interface Books {
  readonly daemon: string
  readonly instance: string
  readonly entries: readonly LedgerEntry[]
  /** Journals that it publishes. */
  readonly journals: readonly OwnJournal[]
  /** Journals that it reads, and from which record on it has not. */
  readonly inputs: readonly ReadJournal[]
  /** What it noted about itself. */
  readonly remarks: ReadonlyMap<string, string>
}

export interface OwnJournal {
  readonly name: string
  readonly id: string
  readonly next: number
  /** Of the records that are there. */
  readonly bytes: number
  readonly subscribers: readonly Subscriber[]
  /** When the first record from a number on that is still there was put in, in milliseconds since 1970; null if there is none. */
  savedOf (number: number): number | null
  /** What was put in since then and is still there. */
  since (ms: number): { readonly records: number, readonly bytes: number }
  /** When a record entered the pipeline, in milliseconds since 1970; null if it is not there. */
  timeOf (number: number): number | null
  /** Records from a number on that are still there, as entries of the ledger would count them. */
  waiting (from: number): LedgerEntry[]
}

export interface ReadJournal {
  readonly name: string
  readonly id: string
  readonly as: string
  readonly next: number
  /** When the first record entered the pipeline that it was given, if it did not begin with the journal's first; else -Infinity. */
  readonly beganMs: number
}

/** A state that is left out: it is damaged, or this user may not read it. */
export interface Unreadable {
  readonly instance: string
  readonly error: unknown
}

/** Every instance's books in a state directory, read while daemons go on. `close` ends the reading. */
export interface Shelf {
  readonly books: readonly Books[]
  close (): void
}

/**
 * Opens all states at nearly the same moment, and each is read as it was then. Subscribers come first: what they have taken since
 * is then still waiting in the publisher's journal. Throws `ConfigError` if there is no state, and what is wrong with one that
 * cannot be read, unless `leaveOut` takes that.
 */
export function openShelf (directory: string, fromMs: number, toMs: number, leaveOut?: (unreadable: Unreadable) => void): Shelf {
  const open: StateDatabase[] = []
  const close = (): void => { for (const { db } of open.splice(0)) db.close() }
  function attempt<T> (instance: string, work: () => T): T[] {
    try {
      return [work()]
    } catch (error) {
      if (leaveOut === undefined) throw error
      leaveOut({ instance, error })
      return []
    }
  }
  try {
    for (const instance of instancesIn(directory).filter(isOfDaemon).sort((a, b) => rank(a) - rank(b))) {
      attempt(instance, () => {
        const state = openForReading(directory, instance)
        if (state === null) return
        open.push(state)
        // the read transaction begins with the first read
        state.db.exec('BEGIN; SELECT count(*) FROM identity')
      })
    }
    return { books: open.flatMap(({ instance, db }) => attempt(instance, () => readBooks(instance, db, fromMs, toMs))), close }
  } catch (error) {
    close()
    throw error
  }
}

/** Those of daemons that only read streams come first. */
const order = ['consumer', 'monitor', 'forwarder', 'processor', 'replay']

function rank (instance: string): number {
  return order.findIndex(daemon => instance.startsWith(`${daemon}-`))
}

/** Not one that was set aside as damaged. */
function isOfDaemon (instance: string): boolean {
  return rank(instance) !== -1 && !instance.includes('.damaged-')
}

function readBooks (name: string, db: Database.Database, fromMs: number, toMs: number): Books {
  const [, daemon = '', instance = ''] = /^([a-z]+)-(.*)$/.exec(name) ?? []
  const entries = db.prepare<[number, number], LedgerEntry>('SELECT minute, side, stream, schema, fate, count FROM ledger WHERE minute >= ? AND minute < ?').all(fromMs, toMs)
  const journals = db.prepare<[], StoredJournal>('SELECT name, id, next, bytes FROM journal').all()
  const positions = db.prepare<[], StoredPosition>("SELECT source, position, (SELECT position FROM position WHERE source = 'began:' || p.source) AS began FROM position AS p WHERE source LIKE 'journal:%'").all()
  return {
    daemon,
    instance,
    entries,
    journals: journals.map(journal => ({ ...journal, ...contentOf(db, journal.name), waiting: from => waiting(db, journal.name, from, fromMs, toMs) })),
    inputs: positions.flatMap(readJournal),
    remarks: new Map(db.prepare<[], { key: string, value: string }>('SELECT key, value FROM remark').all().map(({ key, value }) => [key, value]))
  }
}

interface StoredJournal { name: string, id: string, next: number, bytes: number }

/** Payloads are not read for it. */
function contentOf (db: Database.Database, journal: string): Pick<OwnJournal, 'timeOf' | 'savedOf' | 'since' | 'subscribers'> {
  const subscribers = db.prepare<[string], Subscriber>('SELECT subscriber, next, heard_ms AS heardMs FROM journal_subscriber WHERE journal = ? ORDER BY subscriber')
  const holding = db.prepare<[string, string, number, number], { savedMs: number }>(`SELECT saved_ms AS savedMs FROM journal_entry WHERE journal = ? AND first >=
    coalesce((SELECT max(first) FROM journal_entry WHERE journal = ? AND first <= ?), 0) AND first + count > ? ORDER BY first LIMIT 1`)
  const latest = db.prepare<[string], { count: number, bytes: number, savedMs: number }>('SELECT count, length(payload) AS bytes, saved_ms AS savedMs FROM journal_entry WHERE journal = ? ORDER BY first DESC')
  return {
    timeOf: entryReader(db, journal).timeOf,
    savedOf: number => holding.get(journal, journal, number, number)?.savedMs ?? null,
    since (ms) {
      const sum = { records: 0, bytes: 0 }
      for (const row of latest.iterate(journal)) {
        if (row.savedMs < ms) break
        sum.records += row.count
        sum.bytes += row.bytes
      }
      return sum
    },
    subscribers: subscribers.all(journal)
  }
}

interface StoredPosition { source: string, position: string, began: string | null }

function readJournal ({ source, position, began }: StoredPosition): ReadJournal[] {
  const [, name, as] = /^journal:([^?]+)\?as=(.+)$/.exec(source) ?? []
  const [, id, next] = /^([0-9a-f]{16}):(\d+)$/.exec(position) ?? []
  return name === undefined || as === undefined || id === undefined ? [] : [{ name, as, id, next: Number(next), beganMs: began === null ? -Infinity : Number(began) }]
}

interface WaitingRow { first: number, count: number, timeMs: number, schemas: string }

function waiting (db: Database.Database, journal: string, from: number, fromMs: number, toMs: number): LedgerEntry[] {
  const rows = db.prepare<[string, number], WaitingRow>('SELECT first, count, time_ms AS timeMs, schemas FROM journal_entry WHERE journal = ? AND first + count > ? ORDER BY first')
  const entries: LedgerEntry[] = []
  for (const { first, timeMs, schemas } of rows.iterate(journal, from)) {
    if (timeMs < fromMs || timeMs >= toMs) continue
    const counts = new Map(Object.entries(JSON.parse(schemas) as Record<string, number>))
    if (first < from) takeFirst(db, journal, first, from - first, counts)
    for (const [schema, count] of counts) entries.push({ minute: minuteOf(timeMs), side: 'output', stream: journal, schema, fate: 'passed', count })
  }
  return entries
}

/** A subscriber may be in the middle of a batch. */
function takeFirst (db: Database.Database, journal: string, first: number, records: number, counts: Map<string, number>): void {
  const row = db.prepare<[string, number], { payload: Buffer }>('SELECT payload FROM journal_entry WHERE journal = ? AND first = ?').get(journal, first)
  for (const record of (row?.payload.toString() ?? '').split('\n').slice(0, records)) {
    const name = nameAmong(counts, record)
    counts.set(name, (counts.get(name) ?? 0) - 1)
  }
}
