import type Database from 'better-sqlite3'
import { batchOfRecords, mostSchemas, unclassified } from './batch.js'
import type { Composition } from './contracts.js'
import type { JournalEntry } from './journal.js'
import { minuteOf } from './ledger.js'

/** Of rows whose payload does not have the records that they claim: SQLite has no check sums, so pages may be somebody else's. */
export class DamagedEntry extends Error {
  readonly code = 'SQLITE_CORRUPT'
}

/** As it is stored: the composition as JSON. */
interface StoredEntry extends Omit<JournalEntry, 'schemas'> {
  readonly schemas: string
}

/** What reads a journal, of a database that may be open for reading only. */
export interface EntryReader {
  /** `Journal.read`. Throws `DamagedEntry`. */
  read (from: number, mostBytes: number): JournalEntry | null
  /** `Journal.timeOf`. */
  timeOf (number: number): number | null
  /** The number of the oldest record that is there; null if there is none. */
  oldest (): number | null
}

export function entryReader (db: Database.Database, journal: string): EntryReader {
  const holding = db.prepare<[string, number], { first: number }>('SELECT first FROM journal_entry WHERE journal = ? AND first <= ? ORDER BY first DESC LIMIT 1')
  const entries = db.prepare<[string, number], StoredEntry>('SELECT first, count, time_ms AS timeMs, schemas, payload FROM journal_entry WHERE journal = ? AND first >= ? ORDER BY first')
  const times = db.prepare<[string, number], { first: number, count: number, timeMs: number }>('SELECT first, count, time_ms AS timeMs FROM journal_entry WHERE journal = ? AND first <= ? ORDER BY first DESC LIMIT 1')
  const oldest = db.prepare<[string], { first: number | null }>('SELECT min(first) AS first FROM journal_entry WHERE journal = ?')

  return {
    read (from, mostBytes) {
      const found: StoredEntry[] = []
      let bytes = 0
      for (const row of entries.iterate(journal, holding.get(journal, from)?.first ?? from)) {
        const last = found.at(-1)
        // a batch that ends before `from` comes first when what follows it was pruned
        if (row.first + row.count <= from) continue
        bytes += row.payload.length
        if (last !== undefined && (bytes > mostBytes || row.first !== last.first + last.count || minuteOf(row.timeMs) !== minuteOf(last.timeMs))) break
        found.push(row)
      }
      return join(journal, found)
    },
    timeOf (number) {
      const found = times.get(journal, number)
      return found === undefined || found.first + found.count <= number ? null : found.timeMs
    },
    oldest: () => oldest.get(journal)?.first ?? null
  }
}

function join (journal: string, rows: readonly StoredEntry[]): JournalEntry | null {
  const [oldest] = rows
  const batch = batchOfRecords(rows.map(row => row.payload))
  if (oldest === undefined || batch === null) return null
  const count = rows.reduce((sum, row) => sum + row.count, 0)
  if (batch.count !== count) throw new DamagedEntry(`journal ${journal} has ${batch.count} records from number ${oldest.first} on, where it should have ${count}`)
  return { first: oldest.first, count, payload: batch.payload, timeMs: oldest.timeMs, schemas: compositionOf(rows.map(row => row.schemas), count) }
}

/** Of what is stored as JSON, added up. */
function compositionOf (stored: readonly string[], count: number): Composition {
  const sums = new Map<string, number>()
  for (const text of stored) {
    for (const [schema, count] of Object.entries(JSON.parse(text) as Record<string, number>)) sums.set(schema, (sums.get(schema) ?? 0) + count)
  }
  return sums.size <= mostSchemas ? sums : unclassified(count)
}
