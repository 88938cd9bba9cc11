import type { RowDataPacket } from 'mysql2/promise'
import type { Column } from '../columns.js'
import { mysqlDialect } from '../ddl.js'
import { noSuchTable, numberOf } from '../errors.js'
import type { Group, Outcome, StoredTable } from '../store.js'
import { keptOut, keyOf, otherKeys, valuesOf } from './keys.js'
import { tupleOf } from './literals.js'
import type { RowBytes } from './row-bytes.js'
import type { Link } from './session.js'

/** Keys of one statement: more is no faster. */
const mostKeys = 1000

const { quote } = mysqlDialect

/** Rows that somebody else stores: which of them are in their tables, and which never will be. */
export class Proof {
  readonly #parts: Part[]

  constructor (groups: ReadonlyArray<Group<RowBytes>>) {
    this.#parts = groups.map(group => new Part(group))
  }

  /** Asks for those that were not found before. Within no transaction: each look sees what is committed by then. */
  async look (link: Link): Promise<void> {
    for (const part of this.#parts) await part.look(link)
  }

  get missing (): number {
    return this.#parts.reduce((sum, part) => sum + part.missing.size, 0)
  }

  /** A table with a row that is missing, and the row's key. */
  get example (): { table: string, key: string } | null {
    const part = this.#parts.find(({ missing }) => missing.size > 0)
    const [key] = part?.missing.keys() ?? []
    return part === undefined || key === undefined ? null : { table: part.table.plan.name, key }
  }

  outcomes (): Outcome[] {
    return this.#parts.map(({ rows, refused }) => ({ inserted: 0, duplicates: rows - refused.length, refused }))
  }
}

class Part {
  readonly table: StoredTable
  readonly rows: number
  readonly refused: Array<Outcome['refused'][number]> = []
  /** Keys, with the places of their rows: the same event may come twice. */
  readonly missing = new Map<string, number[]>()
  readonly #records: readonly string[]
  readonly #others: readonly Column[]

  constructor ({ table, records }: Group<RowBytes>) {
    this.#others = otherKeys(table)
    this.table = table
    this.rows = records.length
    this.#records = records
    for (const [at, record] of records.entries()) {
      const key = keyOf(table, record)
      const places = this.missing.get(key)
      if (places === undefined) this.missing.set(key, [at])
      else places.push(at)
    }
  }

  async look (link: Link): Promise<void> {
    const { key } = this.table.plan
    for (const row of await this.#rowsWith(link, key, [...this.missing.keys()])) this.missing.delete(String(row['k']))
    for (const [at, { name }] of this.#others.entries()) {
      if (this.missing.size > 0) await this.#lookAt(link, at, name)
    }
  }

  /** Whoever stores rows refuses one whose value another event has in a column that is unique as well. */
  async #lookAt (link: Link, at: number, column: string): Promise<void> {
    const keys = new Map<string, string>()
    for (const [key, places] of this.missing) {
      const value = valuesOf(this.#records[places[0] ?? 0] ?? '', this.#others)[at]
      if (typeof value === 'string') keys.set(value, key)
    }
    for (const row of await this.#rowsWith(link, column, [...keys.keys()])) {
      const key = keys.get(String(row['v'])) ?? ''
      const places = this.missing.get(key) ?? []
      this.missing.delete(key)
      // it may have come in this very moment
      if (row['k'] !== key) for (const place of places) this.refused.push({ row: place, error: keptOut(this.table.plan.name, this.#others) })
    }
  }

  async #rowsWith (link: Link, column: string, values: readonly string[]): Promise<RowDataPacket[]> {
    const { name, key } = this.table.plan
    const found: RowDataPacket[] = []
    try {
      for (let from = 0; from < values.length; from += mostKeys) {
        found.push(...await link.query(`SELECT ${quote(key)} AS k, ${quote(column)} AS v FROM ${quote(name)} WHERE ${quote(column)} IN ${tupleOf(values.slice(from, from + mostKeys))}`))
      }
    } catch (error) {
      if (numberOf(error) !== noSuchTable) throw error
    }
    return found
  }
}
