import type Database from 'better-sqlite3'
import { credibleTime } from '../stream/credible-time.js'
import type { StateHome } from '../stream/state.js'
import type { Counted } from './pending.js'
import { FailureTable } from './failure-table.js'
import { countTables, foldedBefore, forgottenBefore, hourMs, minuteMs, samplesBefore } from './tables.js'

/** The durable counts of a monitor, in its state. */
export interface CountStore {
  /** Part of the next save, with the positions of what was counted; after it `saved` is called. */
  put (counted: Counted, saved: () => void): void
  /** Folds and forgets what it is time for, at once, which saves do as well. Throws what the state throws. */
  tend (): void
}

/** `now` tells what is folded into hours, and what is forgotten. */
export function openCountStore ({ db, attempt, stage }: StateHome, now: () => number = Date.now): CountStore {
  db.exec(countTables)
  const addRaw = db.prepare('INSERT INTO raw_count VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET raw = raw + excluded.raw')
  const addSchema = db.prepare(`INSERT INTO schema_count VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET valid = valid + excluded.valid, invalid = invalid + excluded.invalid`)
  const failures = new FailureTable(db)
  const fold = folder(db)
  const forget = forgetter(db)
  let folded = 0
  let hasFailures = true

  function apply ({ raw, schemas, failures: failed }: Counted): void {
    const before = foldedBefore(now())
    const bucket = (timeMs: number): [spanMs: number, timeMs: number] => timeMs >= before ? [minuteMs, timeMs] : [hourMs, Math.floor(timeMs / hourMs) * hourMs]
    for (const { timeMs, stream, raw: count } of raw) addRaw.run(...bucket(timeMs), stream, count)
    for (const { timeMs, stream, schema, valid, invalid } of schemas) addSchema.run(...bucket(timeMs), stream, schema, valid, invalid)
    for (const { timeMs, ...failure } of failed) failures.add(...bucket(timeMs), failure)
    tend()
  }

  /** Within a transaction. Of failures an hour at a time: there may be thousands in one. */
  function tend (): void {
    const nowMs = now()
    const before = foldedBefore(nowMs)
    if (before !== folded) {
      fold(before)
      forget(nowMs)
      folded = before
      hasFailures = true
    }
    if (hasFailures) hasFailures = failures.fold(before)
  }

  const tendAlone = db.transaction(tend)
  return {
    put (counted, saved) { stage({ apply: () => { apply(counted) }, saved }) },
    tend () { attempt(() => { tendAlone.immediate() }) }
  }
}

/** Within a transaction. */
function folder (db: Database.Database): (beforeMs: number) => void {
  const hour = `time_ms / ${hourMs} * ${hourMs}`
  const folds = [
    `INSERT INTO raw_count SELECT ${hourMs}, ${hour} AS start, stream, sum(raw) FROM raw_count WHERE span_ms = ${minuteMs} AND time_ms < ?
      GROUP BY start, stream ON CONFLICT DO UPDATE SET raw = raw + excluded.raw`,
    `INSERT INTO schema_count SELECT ${hourMs}, ${hour} AS start, stream, schema, sum(valid), sum(invalid) FROM schema_count WHERE span_ms = ${minuteMs} AND time_ms < ?
      GROUP BY start, stream, schema ON CONFLICT DO UPDATE SET valid = valid + excluded.valid, invalid = invalid + excluded.invalid`,
    ...['raw_count', 'schema_count'].map(table => `DELETE FROM ${table} WHERE span_ms = ${minuteMs} AND time_ms < ?`)
  ].map(sql => db.prepare(sql))
  return beforeMs => { for (const statement of folds) statement.run(beforeMs) }
}

/** Within a transaction. */
function forgetter (db: Database.Database): (nowMs: number) => void {
  const tables = ['raw_count', 'schema_count', 'failure']
  const newest = tables.flatMap(table => [minuteMs, hourMs].map(spanMs => db.prepare<[number], { timeMs: number | null }>(`SELECT max(time_ms) AS timeMs FROM ${table} WHERE span_ms = ${spanMs} AND time_ms < ?`)))
  const deletes = tables.map(table => db.prepare(`DELETE FROM ${table} WHERE span_ms = ${hourMs} AND time_ms < ?`))
  const forgetSamples = db.prepare(`UPDATE failure SET sample = '', seen = '' WHERE span_ms = ${hourMs} AND time_ms < ? AND (sample != '' OR seen != '')`)
  return nowMs => {
    const timeMs = credibleTime(nowMs, before => newest.reduce<number | null>((latest, statement) => later(latest, statement.get(before)?.timeMs ?? null), null))
    for (const statement of deletes) statement.run(forgottenBefore(timeMs))
    forgetSamples.run(samplesBefore(timeMs))
  }
}

function later (a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.max(a, b)
}
