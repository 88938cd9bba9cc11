import type Database from 'better-sqlite3'
import { messageOf } from '../../lib/errors.js'
import { batchOfRecords } from '../../lib/stream/batch.js'
import { isDamage } from '../../lib/stream/damage.js'

/** A batch of a journal, or why it cannot be read. */
export interface Row {
  readonly first: number
  readonly count: number
  /** When its records entered the pipeline. */
  readonly timeMs: number
  readonly payload: Buffer
  readonly damage?: string
}

const portion = 1000

/**
 * The batches of a journal from the one on that holds `from`, one at a time in memory. Each is a transaction of its own, so that a
 * daemon can go on pruning and checkpointing. What is damaged is said and passed over, where it can be.
 */
export function * rowsFrom (db: Database.Database, journal: string, from: number): Generator<Row> {
  const holding = db.prepare<[string, number], { first: number }>('SELECT first FROM journal_entry WHERE journal = ? AND first <= ? ORDER BY first DESC LIMIT 1')
  const keys = db.prepare<[string, number], { first: number }>(`SELECT first FROM journal_entry WHERE journal = ? AND first >= ? ORDER BY first LIMIT ${portion}`)
  const row = db.prepare<[string, number], Row>('SELECT first, count, time_ms AS timeMs, payload FROM journal_entry WHERE journal = ? AND first = ?')

  function read (first: number): Row | undefined {
    try {
      const found = row.get(journal, first)
      if (found === undefined) return undefined
      const records = batchOfRecords([found.payload])?.count
      return records === found.count ? found : { ...found, damage: `it has ${records} records and should have ${found.count}` }
    } catch (error) {
      if (!isDamage(error)) throw error
      return { first, count: 0, timeMs: 0, payload: Buffer.alloc(0), damage: messageOf(error) }
    }
  }

  for (let at = holding.get(journal, from)?.first ?? from; ;) {
    const batch = keys.all(journal, at)
    for (const { first } of batch) {
      const found = read(first)
      // undefined: pruned meanwhile
      if (found !== undefined && (found.damage !== undefined || first + found.count > from)) yield found
      at = first + 1
    }
    if (batch.length < portion) return
  }
}
