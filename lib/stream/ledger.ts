import type Database from 'better-sqlite3'
import type { Composition } from './contracts.js'
import { credibleTime } from './credible-time.js'

/**
 * What becomes of a record. Of an input: `taken`, and of what was taken `filtered` or `dead_letter` before any output; `lost` is what
 * an input could not get. Of what a processor made: `passed`, or left out by the registry, `sampled` and `opted_out`. Of an output: `passed`, `duplicate` (it was there already), `filtered`, `dead_letter`, `lost`.
 */
export const fates = ['taken', 'passed', 'filtered', 'sampled', 'opted_out', 'dead_letter', 'duplicate', 'lost'] as const
export type Fate = typeof fates[number]

/** Of which side of a daemon an entry speaks: what an input gave, what an output got, or what a processor made in between. */
export type Side = 'input' | 'output' | 'made'

/** One line of the books: so many records of a schema, which entered the pipeline in that minute. */
export interface LedgerEntry {
  /** Milliseconds since 1970 of the minute's start. */
  readonly minute: number
  readonly side: Side
  /** Name of the input or output. */
  readonly stream: string
  readonly schema: string
  readonly fate: Fate
  readonly count: number
}

/** Counts by minute, stream and schema. */
export interface Ledger {
  /** Enters records that entered the pipeline at `timeMs`; durable with the next save of the state. */
  enter (side: Side, stream: string, fate: Fate, timeMs: number, schemas: Composition): void
  /** The same, of what was entered elsewhere before. */
  add (entry: LedgerEntry): void
}

const minuteMs = 60_000
/** Older minutes are forgotten: the report of a day compares it with the one a week before, and there is another day to make it. */
const keptMs = 10 * 24 * 3600_000
/** Entries that have not been saved, at most: where nobody saves, the oldest are of no use. */
const mostUnsaved = 100_000

export function minuteOf (timeMs: number): number {
  return Math.floor(timeMs / minuteMs) * minuteMs
}

/** Entries that add up. */
export class Entries implements Ledger {
  readonly #entries = new Map<string, { -readonly [K in keyof LedgerEntry]: LedgerEntry[K] }>()

  enter (side: Side, stream: string, fate: Fate, timeMs: number, schemas: Composition): void {
    for (const [schema, count] of schemas) this.add({ minute: minuteOf(timeMs), side, stream, schema, fate, count })
  }

  add (entry: LedgerEntry): void {
    if (entry.count === 0) return
    const key = `${entry.minute} ${entry.side} ${entry.fate} ${entry.schema} ${entry.stream}`
    const there = this.#entries.get(key)
    if (there !== undefined) there.count += entry.count
    else if (this.#entries.size < mostUnsaved) this.#entries.set(key, { ...entry })
  }

  get size (): number {
    return this.#entries.size
  }

  list (): LedgerEntry[] {
    return [...this.#entries.values()]
  }

  clear (): void {
    this.#entries.clear()
  }
}

/** The ledger in an instance's database. */
export class StoredLedger extends Entries {
  readonly #add: Database.Statement<unknown[]>
  readonly #forget: Database.Statement<unknown[]>
  readonly #newest: Database.Statement<[number], { minute: number | null }>
  #forgottenBefore = 0

  constructor (db: Database.Database) {
    super()
    this.#add = db.prepare(`INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (minute, side, stream, schema, fate) DO UPDATE SET count = count + excluded.count`)
    this.#forget = db.prepare('DELETE FROM ledger WHERE minute < ?')
    this.#newest = db.prepare('SELECT max(minute) AS minute FROM ledger WHERE minute < ?')
  }

  /** Within the transaction of a save; `clear` follows when that has succeeded. */
  apply (): void {
    for (const { minute, side, stream, schema, fate, count } of this.list()) this.#add.run(minute, side, stream, schema, fate, count)
    const before = minuteOf(credibleTime(Date.now(), timeMs => this.#newest.get(timeMs)?.minute ?? null)) - keptMs
    if (before === this.#forgottenBefore) return
    this.#forget.run(before)
    this.#forgottenBefore = before
  }
}

/** Of the instance's database. */
export const ledgerTable = `
  CREATE TABLE IF NOT EXISTS ledger (
    minute INTEGER NOT NULL, side TEXT NOT NULL, stream TEXT NOT NULL, schema TEXT NOT NULL, fate TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (minute, side, stream, schema, fate)
  ) STRICT, WITHOUT ROWID;`

/** What is left of `from` without `taken`; nothing below 0. */
export function without (from: Composition, taken: Composition): Composition {
  const rest = new Map<string, number>()
  for (const [schema, count] of from) {
    const left = count - (taken.get(schema) ?? 0)
    if (left > 0) rest.set(schema, left)
  }
  return rest
}

export function sumOf (schemas: Composition): number {
  let sum = 0
  for (const count of schemas.values()) sum += count
  return sum
}
