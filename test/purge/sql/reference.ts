import type { Anonymisation, Retention } from '../../../lib/registry/entry.js'
import { modelTables, withAddresses, type ModelTable, type Step, type Value, type Values } from './model.js'

/** A row as it is to be. Of a column in `hidden` the value is not what `values` say: it is a hash, or was made of one. */
export interface ModelRow {
  readonly id: number
  /** Seconds since 1970. */
  readonly time: number | null
  values: Values
  readonly hidden: Map<string, 'hash' | 'blurred'>
  counted: boolean
}

export interface ModelTotal {
  events: number
  estimate: number
  readonly of: Record<string, { count: number, sum: number, min: number, max: number }>
}

/** What the tables are to hold, told as simply as can be: every row is looked at every time. */
export class Reference {
  readonly tables = new Map<ModelTable, ModelRow[]>(modelTables.map(table => [table, []]))
  /** By schema, then by day and dimensions. */
  readonly daily = new Map<string, Map<string, ModelTotal>>()
  readonly #ids = new Map<ModelTable, number>()

  insert (at: number, time: number | null, values: Values): ModelRow {
    const table = modelTables[at] as ModelTable
    const id = (this.#ids.get(table) ?? 0) + 1
    this.#ids.set(table, id)
    const row = { id, time, values, hidden: new Map<string, 'hash' | 'blurred'>(), counted: false }
    this.tables.get(table)?.push(row)
    return row
  }

  purge ({ nowMs, policies }: Extract<Step, { kind: 'purge' }>): void {
    for (const [table, rows] of this.tables) {
      const policy = policies[table.schema.name] as Retention
      const isOld = ({ time }: ModelRow): boolean => time === null || time * 1000 < nowMs - policy.days * 86_400_000
      for (const row of rows.filter(isOld)) this.#count(table, policy, row)
      const isDeleted = policy.keep.length === 0 && policy.anonymise.size === 0
      if (isDeleted) this.tables.set(table, rows.filter(row => !isOld(row)))
      else rows.filter(isOld).forEach(row => { strip(table, policy, row) })
    }
  }

  #count ({ schema, fields }: ModelTable, { aggregate }: Retention, row: ModelRow): void {
    if (row.counted || row.time === null) return
    row.counted = true
    if (aggregate === null) return
    const columns = (names: readonly string[]): string[] => [...new Set(names.flatMap(name => Object.keys(fields).filter(column => isWithin(fields[column] ?? '', name) && mayStay(fields[column] ?? ''))))]
    const by = columns(aggregate.by).filter(column => row.values[column] !== null).sort()
    const key = JSON.stringify([new Date(row.time * 1000).toISOString().slice(0, 10), ...by.map(column => [column, String(clean(row.values[column] ?? null))])])
    const totals = this.daily.get(schema.name) ?? new Map<string, ModelTotal>()
    this.daily.set(schema.name, totals)
    const total = totals.get(key) ?? { events: 0, estimate: 0, of: {} }
    totals.set(key, total)
    total.events++
    total.estimate += 1 / Number(row.values['samplingRate'] ?? 1)
    for (const column of columns(aggregate.of)) {
      const value = row.values[column] ?? null
      if (typeof value !== 'number') continue
      const of = total.of[column] ??= { count: 0, sum: 0, min: Infinity, max: -Infinity }
      of.count++
      of.sum += value
      of.min = Math.min(of.min, value)
      of.max = Math.max(of.max, value)
    }
  }
}

function mayStay (field: string): boolean {
  return !['userAgent', 'clientIp', 'event.client_ip', 'client_ip'].includes(field)
}

function clean (value: Value): Value {
  return withAddresses[String(value)] ?? value
}

function isWithin (field: string, name: string): boolean {
  return field === name || field.startsWith(`${name}.`)
}

function strip ({ fields }: ModelTable, { keep, anonymise }: Retention, row: ModelRow): void {
  const values: Record<string, Value> = {}
  for (const [column, field] of Object.entries(fields)) {
    const value = row.values[column] ?? null
    const names = [...keep, ...anonymise.keys()].filter(name => isWithin(field, name)).sort((one, other) => one.length - other.length)
    const name = names.at(-1)
    const how = anonymise.get(name ?? '')
    if (column === 'samplingRate') values[column] = value
    else if (value === null || !mayStay(field)) values[column] = null
    else if (how !== undefined) values[column] = changed(row, column, value, how)
    else values[column] = name === undefined ? null : clean(value)
    if (values[column] === null) row.hidden.delete(column)
  }
  row.values = values
}

function changed (row: ModelRow, column: string, value: Value, how: Anonymisation): Value {
  const isNumber = typeof value === 'number' && !/flag$/.test(column)
  if (row.hidden.has(column) && how.method !== 'hash') {
    row.hidden.set(column, 'blurred')
    return how.method === 'bucket' && !isNumber ? null : value
  }
  switch (how.method) {
    case 'hash': {
      if (/flag$|seen$|ms$/.test(column)) return null
      row.hidden.set(column, 'hash')
      return value
    }
    case 'truncate': return truncated(column, value, how.length)
    case 'bucket': {
      if (!isNumber) return null
      const size = /page_id$/.test(column) ? Math.ceil(how.size) : how.size
      return Math.floor(value / size) * size
    }
  }
}

function truncated (column: string, value: Value, length: number): Value {
  if (/flag$/.test(column)) return null
  if (/seen$/.test(column)) return length < 4 ? null : length < 7 ? `${String(value).slice(0, 4)}-01-01 00:00:00` : length < 10 ? `${String(value).slice(0, 7)}-01 00:00:00` : `${String(value).slice(0, 10)} 00:00:00`
  if (typeof value !== 'number') return [...String(clean(value))].slice(0, length).join('')
  const digits = String(Math.trunc(Math.abs(value)))
  return Math.sign(value) * Number(digits.slice(0, length).padEnd(digits.length, '0')) + 0
}
