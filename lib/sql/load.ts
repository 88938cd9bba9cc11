import { nameAmong } from '../event/composition.js'
import type { Batch, Composition, Provenance } from '../stream/contracts.js'
import { unclassifiedKey } from '../stream/batch.js'
import { Entries, minuteOf } from '../stream/ledger.js'
import type { Group, Outcome } from './store.js'
import type { Table } from './tables.js'
import type { SqlValue } from './values.js'

/** What is known of the records of a batch. */
export interface Origin {
  /** When they entered the pipeline, in milliseconds since 1970. */
  readonly timeMs: number
  /** What they are counted as; null if nobody has told. */
  readonly schemas: Composition | null
}

export function originOf ({ provenance }: Batch): Origin {
  return { timeMs: provenance?.timeMs ?? Date.now(), schemas: provenance?.schemas ?? null }
}

/** Rows by table that go to the store in one transaction, all of the same minute, and the books about them. */
export class Load<R> {
  readonly groups = new Map<Table, Group<R>>()
  readonly provenances: Provenance[] = []
  rows = 0
  /** Of records, as they travel. */
  bytes = 0
  /** Records that were refused before the store was asked, by what they are counted as. */
  readonly #refused = new Map<string, number>()
  #origin: Origin | null = null

  /** When the last of its records entered the pipeline, in milliseconds since 1970. */
  get enteredMs (): number {
    return this.#origin?.timeMs ?? Date.now()
  }

  /** Whether records of that origin may be part of it. */
  suits ({ timeMs }: Origin): boolean {
    return this.#origin === null || minuteOf(this.#origin.timeMs) === minuteOf(timeMs)
  }

  /** The next records that are added or refused are of that origin, and take so many bytes. */
  begin (origin: Origin, bytes: number): void {
    this.#origin = origin
    this.bytes += bytes + 1
  }

  /** `time` is what the row has in the column of that. */
  add (table: Table, record: string, row: R, time: SqlValue): void {
    let group = this.groups.get(table)
    if (group === undefined) this.groups.set(table, group = { table: table.stored, rows: [], records: [], times: [] })
    group.rows.push(row)
    group.records.push(record)
    group.times.push(time)
    this.rows++
  }

  refuse (record: string): void {
    const schemas = this.#origin?.schemas ?? null
    // as the rows of its table are counted: event errors are not told apart
    const name = (schemas === null ? unclassifiedKey : nameAmong(schemas, record)).replace(/:.*/s, '')
    this.#refused.set(name, (this.#refused.get(name) ?? 0) + 1)
  }

  /** For the ledger: what became of its records. `outcomes` are of its groups. */
  entries (stream: string, outcomes: readonly Outcome[]): Entries {
    const entries = new Entries()
    const timeMs = this.#origin?.timeMs ?? 0
    let at = 0
    for (const { schema } of this.groups.keys()) {
      const { inserted = 0, duplicates = 0, refused = [] } = outcomes[at++] ?? {}
      for (const [fate, count] of [['passed', inserted], ['duplicate', duplicates], ['dead_letter', refused.length]] as const) {
        entries.enter('output', stream, fate, timeMs, new Map([[schema.name, count]]))
      }
    }
    entries.enter('output', stream, 'dead_letter', timeMs, this.#refused)
    return entries
  }
}
