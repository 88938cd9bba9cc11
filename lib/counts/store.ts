import type Database from 'better-sqlite3'
import type { StateHome } from '../stream/state.js'
import type { Counted } from './pending.js'
import { FailureTable } from './failure-table.js'
import { countTables, foldedBefore, forgottenBefore, hourMs, minuteMs, samplesBefore } from './tables.js'

/** The durable counts of a monitor, in its state. */
export interface CountStore {
  /** Part of the next save, with the positions of what was counted; after it `saved` is called. */
  put (counted: Counted, saved: () => void): void
}

/** `now` tells what is folded into hours, and what is forgotten. */
export function openCountStore ({ db, stage }: StateHome, now: () => number = Date.now): CountStore {
  db.exec(countTables)
  const addRaw = db.prepare('INSERT INTO raw_count VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET raw = raw + excluded.raw')
  const addSchema = db.prepare(`INSERT INTO schema_count VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET valid = valid + excluded.valid, invalid = invalid + excluded.invalid`)
  const failures = new FailureTable(db)
  const fold = folder(db, failures)
  let folded = 0

  function apply ({ raw, schemas, failures: failed }: Counted): void {
    const nowMs = now()
    const before = foldedBefore(nowMs)
    const bucket = (timeMs: number): [spanMs: number, timeMs: number] => timeMs >= before ? [minuteMs, timeMs] : [hourMs, Math.floor(timeMs / hourMs) * hourMs]
    for (const { timeMs, stream, raw: count } of raw) addRaw.run(...bucket(timeMs), stream, count)
    for (const { timeMs, stream, schema, valid, invalid } of schemas) addSchema.run(...bucket(timeMs), stream, schema, valid, invalid)
    for (const { timeMs, ...failure } of failed) failures.add(...bucket(timeMs), failure)
    if (before === folded) return
    fold(before, nowMs)
    folded = before
  }

  return {
    put (counted, saved) { stage({ apply: () => { apply(counted) }, saved }) }
  }
}

/** Within a transaction. */
function folder (db: Database.Database, failures: FailureTable): (beforeMs: number, nowMs: number) => void {
  const hour = `time_ms / ${hourMs} * ${hourMs}`
  const folds = [
    `INSERT INTO raw_count SELECT ${hourMs}, ${hour} AS start, stream, sum(raw) FROM raw_count WHERE span_ms = ${minuteMs} AND time_ms < ?
      GROUP BY start, stream ON CONFLICT DO UPDATE SET raw = raw + excluded.raw`,
    `INSERT INTO schema_count SELECT ${hourMs}, ${hour} AS start, stream, schema, sum(valid), sum(invalid) FROM schema_count WHERE span_ms = ${minuteMs} AND time_ms < ?
      GROUP BY start, stream, schema ON CONFLICT DO UPDATE SET valid = valid + excluded.valid, invalid = invalid + excluded.invalid`
  ].map(sql => db.prepare(sql))
  const [deletes, forgets] = [minuteMs, hourMs].map(spanMs => ['raw_count', 'schema_count', 'failure'].map(table => db.prepare(`DELETE FROM ${table} WHERE span_ms = ${spanMs} AND time_ms < ?`)))
  const forgetSamples = db.prepare(`UPDATE failure SET sample = '', seen = '' WHERE span_ms = ${hourMs} AND time_ms < ? AND (sample != '' OR seen != '')`)
  return (beforeMs, nowMs) => {
    for (const statement of folds) statement.run(beforeMs)
    failures.fold(beforeMs)
    for (const statement of deletes ?? []) statement.run(beforeMs)
    for (const statement of forgets ?? []) statement.run(forgottenBefore(nowMs))
    forgetSamples.run(samplesBefore(nowMs))
  }
}
