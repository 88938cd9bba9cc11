import type Database from 'better-sqlite3'
import type { Subscriber } from './journal-subscribers.js'

/** What a journal keeps at most, whoever may still need more. */
export interface Bounds {
  readonly mostBytes: number
  readonly mostAgeMs: number
}

/** Records that were pruned although a subscriber had not committed them. */
export interface Loss {
  readonly subscriber: string
  readonly records: number
  /** The number of the first. */
  readonly first: number
  /** The option that is the reason. */
  readonly bound: 'journal-bytes' | 'journal-age'
}

/** A subscriber for which nothing is held back any more. */
export interface Forgotten {
  readonly subscriber: string
  /** What it had not committed. */
  readonly records: number
  readonly why: 'silent' | 'asked'
}

export interface Pruned {
  readonly losses: readonly Loss[]
  readonly forgotten: readonly Forgotten[]
}

/** What one pruning does. */
export interface Plan {
  /** Batches that end before it go. */
  readonly end: number
  readonly freedBytes: number
  readonly losses: readonly Loss[]
}

/** Bytes that one `prune` deletes at most, so that it does not hold up the stream. */
const mostPruned = 64 << 20
/** Those who were kept away by the same outage as the publisher have so long, from its start on, until age counts, in milliseconds. */
const graceMs = 3_600_000
/** Bytes of free pages that stay in the file: a stream needs them again at once. */
const spareBytes = 32 << 20
/** Pages that are moved at a time, and how long that may go on, in milliseconds. */
const stepPages = 32
const shrinkMs = 20

/** What was saved, or heard, before this is too old. */
export function horizonOf ({ mostAgeMs }: Bounds, openedMs: number, nowMs: number): number {
  return nowMs - openedMs > graceMs ? nowMs - mostAgeMs : -Infinity
}

/** Finds what may go from a journal of `bytes`, or must, and who loses by that. */
export function planner (db: Database.Database, journal: string): (bytes: number, subscribers: readonly Subscriber[], bounds: Bounds, horizonMs: number) => Plan {
  const batches = db.prepare<[string], { first: number, count: number, savedMs: number, bytes: number }>(
    'SELECT first, count, saved_ms AS savedMs, length(payload) AS bytes FROM journal_entry WHERE journal = ? ORDER BY first')

  return (bytes, subscribers, { mostBytes }, horizonMs) => {
    const committed = subscribers.length === 0 ? 0 : Math.min(...subscribers.map(({ next }) => next))
    let [oldest, end, freedBytes] = [Infinity, 0, 0]
    let bound: Loss['bound'] = 'journal-bytes'
    for (const batch of batches.iterate(journal)) {
      const after = batch.first + batch.count
      const isOver = bytes - freedBytes > mostBytes
      const isOld = batch.savedMs < horizonMs
      if (freedBytes >= mostPruned || (after > committed && !isOver && !isOld)) break
      if (after > committed) bound = isOver ? 'journal-bytes' : 'journal-age'
      oldest = Math.min(oldest, batch.first)
      end = after
      freedBytes += batch.bytes
    }
    const losses = subscribers.filter(({ next }) => next < end).map(({ subscriber, next }) => {
      const first = Math.max(next, oldest)
      return { subscriber, first, records: end - first, bound }
    })
    return { end, freedBytes, losses }
  }
}

/** Gives free pages back to the file system, a few at each call. Needs `auto_vacuum`, which a new file gets. */
export function shrink (db: Database.Database): void {
  const spare = spareBytes / pragma(db, 'page_size')
  if (pragma(db, 'freelist_count') <= spare) return
  const endMs = performance.now() + shrinkMs
  db.transaction(() => {
    let before: number
    do {
      before = pragma(db, 'freelist_count')
      db.pragma(`incremental_vacuum(${stepPages})`)
    } while (pragma(db, 'freelist_count') < before && before > spare && performance.now() < endMs)
  })()
  // it is this that cuts the file; it waits for nobody
  db.pragma('wal_checkpoint(PASSIVE)')
}

function pragma (db: Database.Database, name: string): number {
  return Number(db.pragma(name, { simple: true }))
}
