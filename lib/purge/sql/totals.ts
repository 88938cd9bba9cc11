import { createHash } from 'node:crypto'
import type { Aggregation, FieldPath } from '../../registry/entry.js'
import { withoutAddresses } from '../json-edit.js'
import type { Row } from './database.js'
import { textOf } from './anonymise.js'
import type { EventTable } from './event-tables.js'
import { columnOf, holds, mayBeKept } from './fields.js'
import { addTo, type Sketch } from './sketch.js'
import { dayOf } from './times.js'

/** A column of `<Schema>_daily`, or the beginning of several, and the column of events that it is made of; null where a revision has none. */
export interface Source {
  readonly name: string
  readonly column: string | null
  /** Its text may be JSON. */
  readonly mayBeJson: boolean
}

/** What is counted of a table's rows. */
export interface Counting {
  readonly dimensions: readonly Source[]
  readonly measures: readonly Source[]
  readonly rate: string | null
  /** The columns of events that are needed. */
  readonly columns: readonly string[]
}

/** Columns that every `<Schema>_daily` has. */
export const ownColumns = ['digest', 'day', 'events', 'estimate'] as const

export function countingOf (table: EventTable, { by, of }: Aggregation): Counting {
  const dimensions = by.flatMap(field => sourcesOf(table, field))
  const measures = of.flatMap(field => sourcesOf(table, field))
  const rate = table.columns.find(({ name }) => name.toLowerCase() === 'samplingrate')?.name ?? null
  const columns = [...dimensions, ...measures].map(({ column }) => column).concat(rate).filter(column => column !== null)
  return { dimensions, measures, rate, columns: [...new Set(columns)] }
}

/** A field that stands for several columns is each of them. What may not be kept is not counted by either. */
function sourcesOf ({ columns }: EventTable, field: FieldPath): Source[] {
  const held = columns.filter(column => holds(column, field) && mayBeKept(column))
  if (held.length > 1) return held.map(({ name, mayBeJson }) => ({ name, column: name, mayBeJson }))
  return [{ name: columnOf(field, ownColumns), column: held[0]?.name ?? null, mayBeJson: held[0]?.mayBeJson ?? false }]
}

/** Of one field. */
export interface Measured {
  count: number
  sum: number
  min: number
  max: number
  readonly sketch: Sketch
}

/** A row of `<Schema>_daily`, or what is added to it. */
export interface Total {
  readonly digest: string
  readonly day: string
  readonly dimensions: ReadonlyMap<string, string>
  events: number
  estimate: number
  readonly measures: Map<string, Measured>
}

/** Of rows that the purge is about to change: at most as many totals as there are rows. Rows without a day are in none. */
export class Totals {
  readonly #counting: Counting
  readonly #time: string
  readonly #totals = new Map<string, Total>()
  /** Rows of one time come together. */
  #last: { text: string, day: string | null } = { text: '', day: null }

  constructor (counting: Counting, time: string) {
    this.#counting = counting
    this.#time = time
  }

  get all (): Total[] {
    return [...this.#totals.values()]
  }

  add (row: Row): void {
    const text = textOf(row[this.#time])
    if (text !== this.#last.text) this.#last = { text, day: dayOf(text) }
    const { day } = this.#last
    if (day === null) return
    const total = this.#find(day, row)
    const { rate, measures } = this.#counting
    total.events++
    total.estimate += weightOf(rate === null ? null : row[rate])
    for (const { name, column } of measures) {
      const value = column === null ? null : numberOf(row[column])
      if (value !== null) measure(total, name, value)
    }
  }

  #find (day: string, row: Row): Total {
    const dimensions = new Map(this.#counting.dimensions.flatMap(({ name, column, mayBeJson }) => {
      const value = column === null ? null : row[column]
      if (value === null || value === undefined) return []
      return [[name, mayBeJson ? withoutAddresses(textOf(value)) : textOf(value)] as const]
    }))
    const key = JSON.stringify([day, ...dimensions])
    let total = this.#totals.get(key)
    if (total === undefined) this.#totals.set(key, total = { digest: digestOf(day, dimensions), day, dimensions, events: 0, estimate: 0, measures: new Map() })
    return total
  }
}

/** A dimension without a value is as good as none: rows that were there before it go on to be counted. */
function digestOf (day: string, dimensions: ReadonlyMap<string, string>): string {
  return createHash('sha1').update(JSON.stringify([day, [...dimensions].sort()])).digest('hex')
}

function measure ({ measures }: Total, name: string, value: number): void {
  let measured = measures.get(name)
  if (measured === undefined) measures.set(name, measured = { count: 0, sum: 0, min: Infinity, max: -Infinity, sketch: new Map() })
  measured.count++
  measured.sum += value
  measured.min = Math.min(measured.min, value)
  measured.max = Math.max(measured.max, value)
  addTo(measured.sketch, value)
}

/** For how many events a row stands that was kept at that rate. */
function weightOf (rate: unknown): number {
  const number = numberOf(rate)
  return number === null || number <= 0 || number > 1 ? 1 : 1 / number
}

function numberOf (value: unknown): number | null {
  if (value === null || value === undefined) return null
  const text = textOf(value)
  const number = /^-?\d/.test(text) ? Number(text) : NaN
  return Number.isFinite(number) ? number : null
}
