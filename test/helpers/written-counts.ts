import { join } from 'node:path'
import Database from 'better-sqlite3'
import { countTables, hourMs, minuteMs } from '../../lib/counts/tables.js'
import { openState } from '../../lib/stream/state.js'

/** What a monitor would have counted in a minute, or with `spanMs` in an hour. */
export interface CountedRow {
  readonly timeMs: number
  readonly schema: string
  readonly valid: number
  readonly invalid: number
  readonly spanMs?: number
}

export interface RawRow {
  readonly timeMs: number
  readonly raw: number
}

export interface FailureRow {
  readonly timeMs: number
  readonly schema: string
  readonly count: number
  readonly code?: string
  readonly pointer?: string
  readonly expected?: string
  readonly seen?: string
  readonly sample?: string
}

/** Writes rows into the state of a monitor, which is made if it is not there: times that no running monitor could be given. */
export function writeCounts (directory: string, rows: readonly CountedRow[], failures: readonly FailureRow[] = [], raw: readonly RawRow[] = []): void {
  openState(directory, 'monitor-all').close()
  const db = new Database(join(directory, 'monitor-all.sqlite'))
  try {
    db.exec(countTables)
    const add = db.prepare('INSERT INTO schema_count VALUES (?, ?, \'client-side\', ?, ?, ?) ON CONFLICT DO UPDATE SET valid = valid + excluded.valid, invalid = invalid + excluded.invalid')
    for (const { spanMs = minuteMs, timeMs, schema, valid, invalid } of rows) add.run(spanMs, Math.floor(timeMs / spanMs) * spanMs, schema, valid, invalid)
    const fail = db.prepare('INSERT INTO failure (span_ms, time_ms, schema, code, pointer, expected, seen, count, first_ms, last_ms, sample) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    for (const { timeMs, schema, count, code = 'validation', pointer = '', expected = '', seen = '', sample = '' } of failures) {
      fail.run(minuteMs, Math.floor(timeMs / minuteMs) * minuteMs, schema, code, pointer, expected, seen, count, timeMs, timeMs, sample)
    }
    const addRaw = db.prepare(`INSERT INTO raw_count VALUES (${hourMs}, ?, 'client-side', ?)`)
    for (const { timeMs, raw: lines } of raw) addRaw.run(Math.floor(timeMs / hourMs) * hourMs, lines)
  } finally {
    db.close()
  }
}
