import type Database from 'better-sqlite3'
import { codeOf } from '../errors.js'
import type { DiskReserve } from './disk-reserve.js'
import type { Subscriber } from './journal-subscribers.js'

/** What a journal keeps at most, whoever may still need more. */
export interface Bounds {
  readonly mostBytes: number
  readonly mostAgeMs: number
}

/** Under which the state has the bounds of a journal, as JSON, for who asks how much room there is. */
export function boundsKey (journal: string): string {
  return `bounds:${journal}`
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

/** Bytes that one `prune` deletes at most, so that it does not hold up the stream; and the less, the less room there is to write that down. */
const usualPortion = 64 << 20
const middlePortion = 16 << 20
const smallPortion = 2 << 20
/** Those who were kept away by the same outage as the publisher have so long, from its start on, until age counts, in milliseconds. */
const graceMs = 3_600_000
/** Bytes of free pages that stay in the file: a stream needs them again at once. */
const usualSpareBytes = 32 << 20
/** Pages that are moved at a time, and how long that may go on, in milliseconds. */
const stepPages = 32
const shrinkMs = 20

interface Limits {
  readonly mostBytes: number
  /** What was saved before this goes. */
  readonly horizonMs: number
  /** No more goes at a time. */
  readonly portion: number
}

/** What was saved, or heard, before this is too old. */
export function horizonOf ({ mostAgeMs }: Bounds, openedMs: number, nowMs: number): number {
  return nowMs - openedMs > graceMs ? nowMs - mostAgeMs : -Infinity
}

/** Finds what may go from a journal of `bytes`, or must, and who loses by that. */
export function planner (db: Database.Database, journal: string): (bytes: number, subscribers: readonly Subscriber[], limits: Limits) => Plan {
  const batches = db.prepare<[string], { first: number, count: number, savedMs: number, bytes: number }>(
    'SELECT first, count, saved_ms AS savedMs, length(payload) AS bytes FROM journal_entry WHERE journal = ? ORDER BY first')

  return (bytes, subscribers, { mostBytes, horizonMs, portion }) => {
    const committed = subscribers.length === 0 ? 0 : Math.min(...subscribers.map(({ next }) => next))
    let [oldest, end, freedBytes] = [Infinity, 0, 0]
    let bound: Loss['bound'] = 'journal-bytes'
    for (const batch of batches.iterate(journal)) {
      const after = batch.first + batch.count
      const isOver = bytes - freedBytes > mostBytes
      const isOld = batch.savedMs < horizonMs
      if (freedBytes >= portion || (after > committed && !isOver && !isOld)) break
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

/**
 * Does what is planned for a portion that there is room to write down: on a full disk a smaller one, if that frees room, in the room
 * that is given up for it.
 */
export function withReserve (reserve: DiskReserve, planOf: (portion: number) => Plan, write: (plan: Plan) => void): Plan {
  for (const portion of reserve.isHeld ? [usualPortion, smallPortion] : [middlePortion, smallPortion]) {
    const planned = planOf(portion)
    try {
      write(planned)
      return planned
    } catch (error) {
      if (codeOf(error) !== 'SQLITE_FULL' || planned.end === 0 || portion === smallPortion) throw error
      reserve.give()
    }
  }
  throw new TypeError('no portion was tried')
}

/**
 * Gives free pages back to the file system, a few at each call; where there is room, not all. Needs `auto_vacuum`, which a new file
 * gets. On a full disk it is this that ends the standstill: a save needs room in the log, which only a checkpoint makes.
 */
export function shrink (db: Database.Database, reserve: DiskReserve): void {
  const spareBytes = reserve.isRoomy ? usualSpareBytes : 0
  const spare = spareBytes / pragma(db, 'page_size')
  if (pragma(db, 'freelist_count') <= spare) return
  try {
    moveFreePages(db, spare)
    // it is this that cuts the file; it waits for nobody
    db.pragma('wal_checkpoint(PASSIVE)')
  } catch (error) {
    // moving pages takes room first: there is some at the next call
    if (codeOf(error) !== 'SQLITE_FULL') throw error
    reserve.give()
  }
}

function moveFreePages (db: Database.Database, spare: number): void {
  const endMs = performance.now() + shrinkMs
  db.transaction(() => {
    let before: number
    do {
      before = pragma(db, 'freelist_count')
      db.pragma(`incremental_vacuum(${stepPages})`)
    } while (pragma(db, 'freelist_count') < before && before > spare && performance.now() < endMs)
  })()
}

function pragma (db: Database.Database, name: string): number {
  return Number(db.pragma(name, { simple: true }))
}
