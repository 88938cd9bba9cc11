import type { PurgeDatabase, Row } from './database.js'
import type { EventTable } from './event-tables.js'
import type { Place } from './stairs.js'
import { textOf } from './anonymise.js'
import type { TablePolicy } from './policy.js'
import { lastTimes } from './times.js'

/** Conditions and columns of queries about one table. */
export class Select {
  readonly #db: PurgeDatabase
  readonly #table: EventTable
  readonly #policy: TablePolicy

  constructor (db: PurgeDatabase, table: EventTable, policy: TablePolicy) {
    this.#db = db
    this.#table = table
    this.#policy = policy
  }

  get from (): string {
    return `FROM ${this.#db.quote(this.#table.name)}`
  }

  get time (): string {
    return this.#db.quote(this.#table.time)
  }

  /** Rows whose time is before the cutoff. */
  get old (): string {
    const { cutoff, sooner } = this.#policy
    const parts = sooner.map(({ column, values, cutoff }) => `(${this.#before(cutoff)} AND ${this.#db.quote(column)} IN (${values.map(value => this.#db.literal(value)).join(', ')}))`)
    return anyOf(cutoff === null ? parts : [this.#before(cutoff), ...parts])
  }

  /** Whether an index finds the old rows. */
  get isIndexed (): boolean {
    return this.#table.hasTimeIndex && this.#policy.sooner.length === 0
  }

  #before (cutoff: string): string {
    return `${this.time} < ${this.#db.literal(cutoff)}`
  }

  /** Rows whose age nobody can tell: each of these is a range of the index. */
  get timeless (): string[] {
    return [`${this.time} IS NULL`, `${this.time} > ${this.#db.literal(lastTimes[this.#table.style])}`]
  }

  /** All that may not be there, or not as it is. */
  get due (): string {
    return `(${[this.old, ...this.timeless].join(' OR ')})`
  }

  /** Rows that have something in a column that is to be null. */
  get dirty (): string {
    return anyOf(this.#policy.nulled.map(name => this.filled(name)))
  }

  /** Rows that have something which is to be changed, whether it was or not. */
  get changeable (): string {
    return anyOf(this.#policy.anonymised.map(({ column }) => this.filled(column.name)))
  }

  filled (column: string): string {
    return `${this.#db.quote(column)} IS NOT NULL`
  }

  /** Columns that stripping looks at, and `more`. */
  list (more: readonly string[]): string {
    const { mode, anonymised } = this.#policy
    const columns = new Set(['id', this.#table.time, ...(mode === 'strip' ? anonymised.map(({ column }) => column.name) : []), ...more])
    const dirty = mode === 'strip' ? `, ${this.dirty} AS ${this.#db.quote(dirtyColumn)}` : ''
    return [...columns].map(name => this.#db.quote(name)).join(', ') + dirty
  }

  /** Rows that come after one in the order of time, then `id`. */
  behind ({ id, time }: Place): string {
    const value = this.#db.literal(time)
    return `${this.time} >= ${value} AND (${this.time} > ${value} OR id > ${id})`
  }

  placeOf (row: Row): Place {
    return { id: Number(row['id']), time: textOf(row[this.#table.time] ?? '') }
  }
}

/** No column of events is called like that. */
export const dirtyColumn = 'vanadium_dirty'

function anyOf (conditions: readonly string[]): string {
  return conditions.length === 0 ? '(1 = 0)' : joined(conditions, 'OR')
}

/** In pairs of pairs: a chain of a thousand is deeper than SQLite takes. */
export function joined (parts: readonly string[], operator: string): string {
  if (parts.length <= 2) return `(${parts.join(` ${operator} `)})`
  const middle = parts.length >> 1
  return `(${joined(parts.slice(0, middle), operator)} ${operator} ${joined(parts.slice(middle), operator)})`
}

/** Ids that one statement looks at, where most rows of them are of no interest. */
export const rangeIds = 20_000

/** Ranges of `id` that have rows, above `from` and up to `to`: (`above`, `upTo`], of at most `size()` numbers. */
export async function * idRanges (db: PurgeDatabase, table: EventTable, from: number, to: number, size: () => number): AsyncGenerator<{ above: number, upTo: number }> {
  for (let above = from; above < to;) {
    const [first] = await db.query(`SELECT MIN(id) AS id FROM ${db.quote(table.name)} WHERE id > ${above}`)
    const id = first?.['id'] ?? null
    if (id === null || Number(id) > to) return
    const upTo = Math.min(Number(id) - 1 + size(), to)
    yield { above: Number(id) - 1, upTo }
    above = upTo
  }
}

export async function largestId (db: PurgeDatabase, table: EventTable): Promise<number> {
  const [row] = await db.query(`SELECT MAX(id) AS id FROM ${db.quote(table.name)}`)
  return Number(row?.['id'] ?? 0)
}
