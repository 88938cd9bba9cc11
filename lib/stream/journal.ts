import { randomBytes } from 'node:crypto'
import type Database from 'better-sqlite3'
import { mostSchemas, unclassified } from './batch.js'
import type { Batch, Composition } from './contracts.js'
import type { DiskReserve } from './disk-reserve.js'
import { horizonOf, planner, shrink, withReserve, type Bounds, type Forgotten, type Plan, type Pruned } from './journal-bounds.js'
import { entryReader } from './journal-entries.js'
import { loadSubscribers } from './journal-subscribers.js'

/** Consecutive records of a journaled stream. */
export interface JournalEntry {
  /** The number of the first record. */
  readonly first: number
  readonly count: number
  /** The records, separated by `\n`. */
  readonly payload: Buffer
  /** When they entered the pipeline, in milliseconds since 1970; of a minute all. */
  readonly timeMs: number
  readonly schemas: Composition
}

/** What waits for the next `save`: a change of the database, and who is told when it is durable. */
export interface Staged {
  apply (): void
  saved? (): void
}

/**
 * What was published on a stream, numbered from 0 on, in the instance's database: one row a batch. Its subscribers get from it
 * what they missed. Its methods throw what those of `State` throw.
 */
export interface Journal {
  readonly name: string
  /** Tells this journal from one that was made anew under the same name: 16 hex digits. */
  readonly id: string
  /** The id that it had before, and the number up to which what it has is the same under both. Null if it never had another. */
  readonly previous: PreviousId | null
  /** Whether it has its id since this run: what the run before had saved last may be gone (`--fsync checkpoint`). */
  readonly isRenewed: boolean
  /** The number of the next record that is saved: all before it are durable. */
  readonly next: number
  /** The number of the oldest record that is still there; `next` if there is none. */
  readonly oldest: number
  /** Of the records that are there. */
  readonly bytes: number
  /** When a record entered the pipeline, in milliseconds since 1970; null if it is not there. */
  timeOf (number: number): number | null
  /** Puts a batch in, durable with the next `save` of the state; then `saved` is called. */
  append (batch: Batch, saved: (entry: JournalEntry) => void): void
  /**
   * Saved records that follow each other: from the batch that holds `from` on, or from the oldest after it if that is gone, as
   * many batches as fit into `mostBytes`, at least one. Null if there is nothing from there on.
   */
  read (from: number, mostBytes: number): JournalEntry | null
  /**
   * A subscriber will not ask again for what is before `next`. That there is one is durable at once, how far it is with the next
   * `prune`. False if there are too many to know one more.
   */
  committed (subscriber: string, next: number, nowMs?: number): boolean
  /** A known one is still there. */
  heard (subscriber: string): void
  /** Whether it has ever committed, and is not forgotten. */
  knows (subscriber: string): boolean
  /** Every known subscriber, and up to before which record it has committed. */
  committedBy (): ReadonlyMap<string, number>
  /** Makes durable what subscribers have committed, and deletes nothing. */
  keep (): void
  /**
   * Deletes what every known subscriber has committed, and of the rest the oldest batches until the bounds are kept. Forgets
   * subscribers that have said nothing for as long as records are kept. What is lost by that is returned, and no error.
   */
  prune (bounds: Bounds, nowMs?: number): Pruned
}

export interface PreviousId {
  readonly id: string
  readonly next: number
}

/** What a journal needs of the state that it is in. */
export interface JournalHome {
  readonly db: Database.Database
  readonly reserve: DiskReserve
  /** Runs what reads or writes; throws what `State` throws. */
  attempt<T> (work: () => T): T
  /** Puts off a change until the next `save`. */
  stage (change: Staged): void
  /** Whether journals have been given new ids. */
  readonly isRenewed: boolean
}

export function openJournal ({ db, reserve, attempt, stage, isRenewed }: JournalHome, name: string): Journal {
  const { id, next: saved, bytes: stored, previous } = identityOf(db, name)
  const insert = db.prepare('INSERT INTO journal_entry (journal, first, count, time_ms, saved_ms, schemas, payload) VALUES (?, ?, ?, ?, ?, ?, ?)')
  const advance = db.prepare('UPDATE journal SET next = ?, bytes = bytes + ? WHERE name = ?')
  const free = db.prepare('UPDATE journal SET bytes = bytes - ? WHERE name = ?')
  const deleteBefore = db.prepare('DELETE FROM journal_entry WHERE journal = ? AND first < ?')
  const reader = entryReader(db, name)
  const plan = planner(db, name)
  const subscribers = loadSubscribers(db, name)
  const openedMs = Date.now()
  // before there is anything that could fill the disk
  reserve.hold()
  let bytes = stored
  /** The number of the next record that is saved, and of the next that is put in. */
  let next = saved
  let nextStaged = saved

  const write = db.transaction((end: number, freedBytes: number, forgotten: readonly string[]) => {
    subscribers.write(end, forgotten)
    deleteBefore.run(name, end)
    free.run(freedBytes, name)
  })

  function prune (bounds: Bounds, nowMs: number): Pruned {
    const asked = subscribers.refresh().map((subscriber): Forgotten => ({ subscriber, records: 0, why: 'asked' }))
    const horizonMs = horizonOf(bounds, openedMs, nowMs)
    const all = subscribers.list()
    const silent = all.filter(({ heardMs }) => heardMs < horizonMs).map(({ subscriber, next: needed }): Forgotten => ({ subscriber, records: next - needed, why: 'silent' }))
    const gone = silent.map(({ subscriber }) => subscriber)
    const planOf = (portion: number): Plan => plan(bytes, all.filter(({ heardMs }) => heardMs >= horizonMs), { ...bounds, horizonMs, portion })
    const { end, freedBytes, losses } = withReserve(reserve, planOf, ({ end, freedBytes }) => { write(end, freedBytes, gone) })
    subscribers.written(end, gone)
    bytes -= freedBytes
    shrink(db, reserve)
    reserve.hold()
    return { losses, forgotten: [...asked, ...silent] }
  }

  return {
    name,
    id,
    previous,
    isRenewed: isRenewed && previous !== null,
    get next () { return next },
    get oldest () { return attempt(reader.oldest) ?? next },
    get bytes () { return bytes },
    timeOf: number => attempt(() => reader.timeOf(number)),
    append ({ count, payload, provenance }, saved) {
      const { timeMs = Date.now(), schemas = unclassified(count) } = provenance ?? {}
      const entry = { first: nextStaged, count, payload, timeMs, schemas: schemas.size <= mostSchemas ? schemas : unclassified(count) }
      nextStaged += count
      stage({
        apply () {
          insert.run(name, entry.first, count, timeMs, Date.now(), JSON.stringify(Object.fromEntries(entry.schemas)), payload)
          advance.run(entry.first + count, payload.length, name)
        },
        saved () {
          next = entry.first + count
          bytes += payload.length
          saved(entry)
        }
      })
    },
    read: (from, mostBytes) => attempt(() => reader.read(from, mostBytes)),
    committed: (subscriber, next, nowMs = Date.now()) => attempt(() => subscribers.report(subscriber, next, nowMs)),
    heard (subscriber) { subscribers.hear(subscriber, Date.now()) },
    knows: subscribers.has,
    committedBy: () => new Map(subscribers.list().map(({ subscriber, next }) => [subscriber, next])),
    keep () {
      attempt(() => { write(0, 0, []) })
      subscribers.written(0, [])
    },
    prune: (bounds, nowMs = Date.now()) => attempt(() => prune(bounds, nowMs))
  }
}

function identityOf (db: Database.Database, name: string): Pick<Journal, 'id' | 'next' | 'bytes' | 'previous'> {
  db.prepare('INSERT OR IGNORE INTO journal (name, id, next, bytes) VALUES (?, ?, 0, 0)').run(name, randomBytes(8).toString('hex'))
  const known = db.prepare<[string], { id: string, next: number, bytes: number, previousId: string | null, previousNext: number | null }>(
    'SELECT id, next, bytes, previous_id AS previousId, previous_next AS previousNext FROM journal WHERE name = ?').get(name)
  if (known === undefined) throw new TypeError(`journal ${name} was not made`)
  const { id, next, bytes, previousId, previousNext } = known
  return { id, next, bytes, previous: previousId === null || previousNext === null ? null : { id: previousId, next: previousNext } }
}
