import { setTimeout as sleep } from 'node:timers/promises'
import type { Work } from '../store.js'
import { createAnonymise, textOf } from './anonymise.js'
import { isSame } from './change.js'
import { dailyName } from './daily.js'
import type { PurgeDatabase, Row } from './database.js'
import { bytesPerRow } from './estimate.js'
import type { EventTable } from './event-tables.js'
import type { TablePolicy } from './policy.js'
import { dirtyColumn, idRanges, largestId, rangeIds, Select } from './select.js'

/** What a purge would find in a table, or a proof. */
export interface Found {
  /** Rows that are old and not as the policy says. */
  readonly rows: number
  /** Columns that are not. */
  readonly fields: ReadonlySet<string>
  /** Null if none has a time. */
  readonly oldest: string | null
  /** Those whose day is known. */
  readonly timely: number
}

export async function * planTable (db: PurgeDatabase, table: EventTable, policy: TablePolicy): AsyncGenerator<Work> {
  const { rows, fields, timely } = await lookAt(db, table, policy)
  if (rows === 0) return
  const { schema, name } = table
  if (policy.retention.aggregate !== null && timely > 0) yield { place: dailyName(schema), schema, action: 'aggregate', rows: timely, bytes: 0, fields: [] }
  yield { place: name, schema, action: policy.mode, rows, bytes: Math.round(rows * await bytesPerRow(db, table, policy)), fields: [...fields] }
}

/** Looks at all rows, whatever purges have noted. Half of the time the database is left to others. */
export async function lookAt (db: PurgeDatabase, table: EventTable, policy: TablePolicy): Promise<Found> {
  const tally = new Tally(policy)
  const select = new Select(db, table, policy)
  if (policy.mode === 'delete' && select.isIndexed) await countByTime(db, select, tally)
  else await countById(db, table, select, tally)
  return tally
}

async function countByTime (db: PurgeDatabase, select: Select, tally: Tally): Promise<void> {
  const [first] = await db.query(`SELECT MIN(${select.time}) AS time ${select.from} WHERE ${select.old}`)
  const oldest = textOf(first?.['time'] ?? '')
  for (let beyond = ''; first?.['time'] !== null;) {
    const condition = `${select.old}${beyond}`
    const [end] = await gently(async () => await db.query(`SELECT ${select.list([])} ${select.from} WHERE ${condition} ORDER BY ${select.time}, id LIMIT 1 OFFSET ${rangeIds - 1}`))
    if (end === undefined) {
      const [rest] = await db.query(`SELECT COUNT(*) AS n ${select.from} WHERE ${condition}`)
      tally.add({ rows: Number(rest?.['n']), oldest }, true)
      break
    }
    tally.add({ rows: rangeIds, oldest }, true)
    beyond = ` AND ${select.behind(select.placeOf(end))}`
  }
  for (const condition of select.timeless) {
    const [row] = await gently(async () => await db.query(`SELECT COUNT(*) AS n ${select.from} WHERE ${condition}`))
    tally.add({ rows: Number(row?.['n']), oldest: null }, false)
  }
}

async function countById (db: PurgeDatabase, table: EventTable, select: Select, tally: Tally): Promise<void> {
  const columns = tally.policy.nulled.map((name, at) => `, SUM(${select.filled(name)}) AS f${at}`).join('')
  const wanted = tally.policy.mode === 'strip' ? ` AND ${select.dirty}` : ''
  for await (const { above, upTo } of idRanges(db, table, 0, await largestId(db, table), () => rangeIds)) {
    const range = `id > ${above} AND id <= ${upTo}`
    for (const [condition, isTimely] of [[select.old, true], ...select.timeless.map(one => [one, false] as const)] as const) {
      const [row] = await gently(async () => await db.query(`SELECT COUNT(*) AS n, MIN(${select.time}) AS first${columns} ${select.from} WHERE ${range} AND ${condition}${wanted}`))
      if (row !== undefined && Number(row['n']) > 0) tally.add({ rows: Number(row['n']), oldest: isTimely ? textOf(row['first']) : null }, isTimely, row)
    }
    if (tally.policy.anonymised.length > 0) await countChangeable(db, select, range, tally)
  }
}

/** What is anonymous, the database cannot tell. */
async function countChangeable (db: PurgeDatabase, select: Select, range: string, tally: Tally): Promise<void> {
  const rows = await gently(async () => await db.query(`SELECT ${select.list([])} ${select.from} WHERE ${range} AND ${select.due} AND ${select.changeable}`))
  for (const row of rows) tally.look(row, select.placeOf(row).time)
}

async function gently<T> (work: () => Promise<T>): Promise<T> {
  const begunMs = Date.now()
  const result = await work()
  const elapsedMs = Date.now() - begunMs
  if (elapsedMs > 0) await sleep(Math.min(elapsedMs, 1000))
  return result
}

const compare = createAnonymise(null)

class Tally implements Found {
  readonly policy: TablePolicy
  readonly fields = new Set<string>()
  rows = 0
  timely = 0
  oldest: string | null = null

  constructor (policy: TablePolicy) {
    this.policy = policy
  }

  add ({ rows, oldest }: { rows: number, oldest: string | null }, isTimely: boolean, filled: Row = {}): void {
    this.rows += rows
    if (isTimely) this.timely += rows
    if (oldest !== null && (this.oldest === null || oldest < this.oldest)) this.oldest = oldest
    this.policy.nulled.forEach((name, at) => { if (Number(filled[`f${at}`] ?? 0) > 0) this.fields.add(name) })
  }

  /** A row that may have what is not anonymous; it was counted if it is dirty. */
  look (row: Row, time: string): void {
    const found = this.policy.anonymised.filter(({ column, how }) => {
      const value = row[column.name] ?? null
      return value !== null && !isSame(value, compare(value, column, how))
    })
    for (const { column } of found) this.fields.add(column.name)
    if (found.length > 0 && Number(row[dirtyColumn]) === 0) this.add({ rows: 1, oldest: time === '' ? null : time }, time !== '')
  }
}
