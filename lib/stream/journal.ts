import { randomBytes } from 'node:crypto'
import type Database from 'better-sqlite3'
import { batchOfRecords } from './batch.js'
import type { Batch } from './contracts.js'

/** Consecutive records of a journaled stream. */
export interface JournalEntry {
  /** The number of the first record. */
  readonly first: number
  readonly count: number
  /** The records, separated by `\n`. */
  readonly payload: Buffer
}

/** What waits for the next `save`: a change of the database, and who is told when it is durable. */
export interface Staged {
  apply (): void
  saved? (): void
}

/**
 * What was published on a stream, numbered from 0 on, in the instance's database: one row a batch. Its subscribers get from it
 * what they missed.
 */
export interface Journal {
  readonly name: string
  /** Tells this journal from one that was made anew under the same name: 16 hex digits. */
  readonly id: string
  /** The number of the next record that is saved: all before it are durable. */
  readonly next: number
  /** The number of the oldest record that is still there; `next` if there is none. */
  readonly oldest: number
  /** Puts a batch in, durable with the next `save` of the state; then `saved` is called. */
  append (batch: Batch, saved: (entry: JournalEntry) => void): void
  /**
   * Saved records that follow each other: from the batch that holds `from` on, or from the oldest after it if that is gone, as
   * many batches as fit into `mostBytes`, at least one. Null if there is nothing from there on.
   */
  read (from: number, mostBytes: number): JournalEntry | null
  /** A subscriber will not ask again for what is before `next`. Kept with the next `prune`. False if there are too many to know one more. */
  committed (subscriber: string, next: number): boolean
  /** Whether it has ever committed. */
  knows (subscriber: string): boolean
  /** Every known subscriber, and up to before which record it has committed. */
  committedBy (): ReadonlyMap<string, number>
  /**
   * Deletes what every known subscriber has committed, and of the rest the oldest batches until no more than `mostBytes` are left.
   * Returns what subscribers lose by the latter. Throws the database's error when the disk fails or is full.
   */
  prune (mostBytes: number): Loss[]
}

/** Records that were pruned although a subscriber had not committed them. */
export interface Loss {
  readonly subscriber: string
  readonly records: number
  /** The number of the first. */
  readonly first: number
}

/** Names come from the network. */
const mostSubscribers = 1000
/** Bytes that one `prune` deletes at most, so that it does not hold up the stream. */
const mostPruned = 64 << 20

/** `stage` puts off a change until the next `save`. */
export function openJournal (db: Database.Database, name: string, stage: (change: Staged) => void): Journal {
  const { id, next: saved } = identityOf(db, name)
  const insert = db.prepare('INSERT INTO journal_entry (journal, first, count, time_ms, payload) VALUES (?, ?, ?, ?, ?)')
  const advance = db.prepare('UPDATE journal SET next = ? WHERE name = ?')
  const holding = db.prepare<[string, number], { first: number }>('SELECT first FROM journal_entry WHERE journal = ? AND first <= ? ORDER BY first DESC LIMIT 1')
  const entries = db.prepare<[string, number], JournalEntry>('SELECT first, count, payload FROM journal_entry WHERE journal = ? AND first >= ? ORDER BY first')
  const oldest = db.prepare<[string], { first: number | null }>('SELECT min(first) AS first FROM journal_entry WHERE journal = ?')
  const known = db.prepare<[string], { subscriber: string, next: number }>('SELECT subscriber, next FROM journal_subscriber WHERE journal = ?')
  const keep = db.prepare('INSERT INTO journal_subscriber VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next')
  const batches = db.prepare<[string], { first: number, count: number, bytes: number }>('SELECT first, count, length(payload) AS bytes FROM journal_entry WHERE journal = ? ORDER BY first')
  const size = db.prepare<[string], { bytes: number | null }>('SELECT sum(length(payload)) AS bytes FROM journal_entry WHERE journal = ?')
  const deleteBefore = db.prepare('DELETE FROM journal_entry WHERE journal = ? AND first < ?')
  const subscribers = new Map(known.all(name).map(({ subscriber, next }) => [subscriber, next]))
  const reported = new Set<string>()
  let bytes = size.get(name)?.bytes ?? 0
  /** The number of the next record that is saved, and of the next that is put in. */
  let next = saved
  let nextStaged = saved

  /** Up to where batches may go, or must, and how many bytes that frees. */
  function prunable (mostBytes: number): { end: number, freed: number } {
    const committed = subscribers.size === 0 ? 0 : Math.min(...subscribers.values())
    let [end, freed] = [0, 0]
    for (const batch of batches.iterate(name)) {
      const after = batch.first + batch.count
      if ((after > committed && bytes - freed <= mostBytes) || freed >= mostPruned) break
      end = after
      freed += batch.bytes
    }
    return { end, freed }
  }

  const write = db.transaction((end: number) => {
    for (const subscriber of reported) keep.run(name, subscriber, subscribers.get(subscriber))
    deleteBefore.run(name, end)
  })

  const journal: Journal = {
    name,
    id,
    get next () { return next },
    get oldest () { return oldest.get(name)?.first ?? next },
    append ({ count, payload }, saved) {
      const entry = { first: nextStaged, count, payload }
      nextStaged += count
      stage({
        apply () {
          insert.run(name, entry.first, count, Date.now(), payload)
          advance.run(entry.first + count, name)
        },
        saved () {
          next = entry.first + count
          bytes += payload.length
          saved(entry)
        }
      })
    },
    read (from, mostBytes) {
      const found: JournalEntry[] = []
      let bytes = 0
      for (const row of entries.iterate(name, holding.get(name, from)?.first ?? from)) {
        const last = found.at(-1)
        // a batch that ends before `from` comes first when what follows it was pruned
        if (row.first + row.count <= from) continue
        bytes += row.payload.length
        if (last !== undefined && (bytes > mostBytes || row.first !== last.first + last.count)) break
        found.push(row)
      }
      return join(found)
    },
    committed (subscriber, next) {
      if (subscribers.get(subscriber) === next) return true
      if (!subscribers.has(subscriber) && subscribers.size >= mostSubscribers) return false
      subscribers.set(subscriber, next)
      reported.add(subscriber)
      return true
    },
    knows: subscriber => subscribers.has(subscriber),
    committedBy: () => subscribers,
    prune (mostBytes) {
      const { end, freed } = prunable(mostBytes)
      const start = journal.oldest
      const losses = [...subscribers]
        .map(([subscriber, next]) => ({ subscriber, first: Math.max(next, start) }))
        .filter(({ first }) => first < end)
        .map(({ subscriber, first }) => ({ subscriber, first, records: end - first }))
      for (const { subscriber } of losses) journal.committed(subscriber, end)
      if (end > 0 || reported.size > 0) write(end)
      bytes -= freed
      reported.clear()
      return losses
    }
  }
  return journal
}

function join (rows: readonly JournalEntry[]): JournalEntry | null {
  const [oldest] = rows
  const batch = batchOfRecords(rows.map(row => row.payload))
  if (oldest === undefined || batch === null) return null
  return { first: oldest.first, count: rows.reduce((sum, row) => sum + row.count, 0), payload: batch.payload }
}

function identityOf (db: Database.Database, name: string): { id: string, next: number } {
  db.prepare('INSERT OR IGNORE INTO journal VALUES (?, ?, 0)').run(name, randomBytes(8).toString('hex'))
  const known = db.prepare<[string], { id: string, next: number }>('SELECT id, next FROM journal WHERE name = ?').get(name)
  if (known === undefined) throw new TypeError(`journal ${name} was not made`)
  return known
}
