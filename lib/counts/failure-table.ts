import type Database from 'better-sqlite3'
import { bothFailures, type Failure } from './read.js'
import { hourMs, minuteMs } from './tables.js'

/** Failures that are told apart in a minute or an hour: of each schema, and of all. */
const most = { ofSchema: 20, inAll: 200 } as const

/** What the rest is. */
export const otherCode = 'other'

/** The failures in the database of a monitor. */
export class FailureTable {
  readonly #update: Database.Statement<unknown[]>
  readonly #insert: Database.Statement<unknown[]>
  readonly #ofSchema: Database.Statement<unknown[], { n: number }>
  readonly #inAll: Database.Statement<unknown[], { n: number }>
  readonly #firstHour: Database.Statement<unknown[], { hour: number | null }>
  readonly #forgetMinutes: Database.Statement<unknown[]>
  readonly #minutes: Database.Statement<unknown[], Failure>

  constructor (db: Database.Database) {
    const row = 'span_ms = ? AND time_ms = ?'
    this.#update = db.prepare(`UPDATE failure SET count = count + ?, first_ms = min(first_ms, ?), last_ms = max(last_ms, ?), seen = ?, sample = iif(? = '', sample, ?)
      WHERE ${row} AND schema = ? AND code = ? AND pointer = ? AND expected = ?`)
    this.#insert = db.prepare('INSERT INTO failure VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    this.#ofSchema = db.prepare(`SELECT count(*) AS n FROM failure WHERE ${row} AND schema = ? AND code != '${otherCode}'`)
    this.#inAll = db.prepare(`SELECT count(*) AS n FROM failure WHERE ${row} AND code != '${otherCode}'`)
    this.#firstHour = db.prepare(`SELECT min(time_ms) / ${hourMs} * ${hourMs} AS hour FROM failure WHERE span_ms = ${minuteMs} AND time_ms < ?`)
    this.#forgetMinutes = db.prepare(`DELETE FROM failure WHERE span_ms = ${minuteMs} AND time_ms >= ? AND time_ms < ?`)
    this.#minutes = db.prepare(`SELECT schema, code, pointer, expected, seen, count, first_ms AS firstMs, last_ms AS lastMs, sample FROM failure
      WHERE span_ms = ${minuteMs} AND time_ms >= ? AND time_ms < ? ORDER BY time_ms`)
  }

  /** Within a transaction. Beyond the bounds, what is new is counted as other. */
  add (spanMs: number, timeMs: number, failure: Failure): void {
    if (this.#addTo(spanMs, timeMs, failure)) return
    if (failure.code !== otherCode && !this.#hasRoom(spanMs, timeMs, failure.schema)) return this.add(spanMs, timeMs, asOther(failure))
    const { schema, code, pointer, expected, seen, count, firstMs, lastMs, sample } = failure
    this.#insert.run(spanMs, timeMs, schema, code, pointer, expected, seen, count, firstMs, lastMs, sample)
  }

  /** Within a transaction: the minutes of one full hour, the first before that time, become an hour, of which the most frequent failures stay. False if there is none. */
  fold (beforeMs: number): boolean {
    const hour = this.#firstHour.get(beforeMs)?.hour ?? null
    if (hour === null) return false
    const sums = new Sums()
    for (const failure of this.#minutes.iterate(hour, hour + hourMs)) sums.add(failure)
    for (const failure of mostFrequent(sums.list())) this.add(hourMs, hour, failure)
    this.#forgetMinutes.run(hour, hour + hourMs)
    return true
  }

  #addTo (spanMs: number, timeMs: number, { schema, code, pointer, expected, seen, count, firstMs, lastMs, sample }: Failure): boolean {
    return this.#update.run(count, firstMs, lastMs, seen, sample, sample, spanMs, timeMs, schema, code, pointer, expected).changes > 0
  }

  #hasRoom (spanMs: number, timeMs: number, schema: string): boolean {
    return (this.#ofSchema.get(spanMs, timeMs, schema)?.n ?? 0) < most.ofSchema && (this.#inAll.get(spanMs, timeMs)?.n ?? 0) < most.inAll
  }
}

/** Failures added up, what is the same being one. */
class Sums {
  readonly #sums = new Map<string, Failure>()

  add (failure: Failure): void {
    const key = JSON.stringify([failure.schema, failure.code, failure.pointer, failure.expected])
    const there = this.#sums.get(key)
    this.#sums.set(key, there === undefined ? failure : bothFailures(there, failure))
  }

  list (): Failure[] {
    return [...this.#sums.values()]
  }
}

/** As many as are told apart; the rest is other. Thousands that have no room would else be looked up one by one. */
function mostFrequent (failures: readonly Failure[]): Failure[] {
  const ofSchema = new Map<string, number>()
  const kept: Failure[] = []
  const others = new Sums()
  for (const failure of [...failures].sort((a, b) => b.count - a.count)) {
    const there = ofSchema.get(failure.schema) ?? 0
    if (failure.code === otherCode || there >= most.ofSchema || kept.length >= most.inAll) {
      others.add(asOther(failure))
    } else {
      ofSchema.set(failure.schema, there + 1)
      kept.push(failure)
    }
  }
  return [...kept, ...others.list()]
}

function asOther ({ schema, count, firstMs, lastMs }: Failure): Failure {
  return otherFailure(schema, count, firstMs, lastMs)
}

/** Failures of which only the schema is known, or kept. */
export function otherFailure (schema: string, count: number, firstMs: number, lastMs: number): Failure {
  return { schema, code: otherCode, pointer: '', expected: '', seen: '', count, firstMs, lastMs, sample: '' }
}
