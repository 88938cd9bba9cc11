import { setTimeout as sleep } from 'node:timers/promises'
import type { OptOut, UserFields } from '../event/opt-out.js'
import { eventErrorSchema } from '../event/event-error.js'
import { usersIn } from '../event/opt-out-text.js'
import type { SchemaRepository } from '../event/schemas.js'
import type { FieldPath } from '../registry/entry.js'
import type { Erased, EraseStore, Looking } from './erase.js'
import type { PurgeDatabase, Row } from './sql/database.js'
import { eventTables, type EventColumn, type EventTable } from './sql/event-tables.js'
import { columnOf, holds } from './sql/fields.js'
import { Pace } from './sql/pace.js'
import { idRanges, largestId } from './sql/select.js'

export interface EraseTablesOptions {
  readonly schemas: Pick<SchemaRepository, 'list'>
  readonly fields: UserFields
  readonly users: ReadonlySet<string>
  /** Of the same users: for the lines in event errors. */
  readonly optOut: Pick<OptOut, 'inText'>
  /** As the purge's: resolves when no replica is too far behind. */
  readonly calm?: (stop: AbortSignal) => Promise<void>
  readonly looking?: Looking
}

/** Rows that are looked at together; of event errors fewer, because all of them are fetched, and each may have 64 KB. */
const [lookedAt, errorsLookedAt] = [10_000, 500]

const retryMs = 500
const mostAttempts = 120

/** What of a table may be theirs: columns, and how a value of one is told. */
interface Search {
  readonly table: EventTable
  readonly columns: readonly string[]
  /** Narrows down what is fetched; `isTheirs` decides. */
  readonly condition: string
  /** Rows that are looked at together. */
  readonly together: number
  isTheirs (value: string, column: string): boolean
}

/** Tables of schemas that name the field of the user, and of event errors, which have whole lines. */
export function eraseFromTables (db: PurgeDatabase, { schemas, fields, users, optOut, calm = async () => {}, looking = () => {} }: EraseTablesOptions): EraseStore {
  const placeOf = (table: EventTable): string => `${db.name}: ${table.name}`
  const listed = [...users].map(user => db.literal(user)).join(', ')

  function searchIn (table: EventTable): Search | null {
    if (table.schema === eventErrorSchema.name) return { table, columns: ['event_rawEvent'], condition: '1 = 1', together: errorsLookedAt, isTheirs: line => optOut.inText(line) !== null }
    const field = fields.get(table.schema)
    if (field === undefined) return null
    const lists = new Set(table.columns.filter(column => isAbove(column, field)).map(({ name }) => name))
    const columns = table.columns.filter(column => holds(column, field) || lists.has(column.name)).map(({ name }) => name)
    if (columns.length === 0) return null
    // lists and objects are kept as JSON
    const condition = columns.map(name => `${db.quote(name)} IN (${listed}) OR ${db.quote(name)} LIKE '[%' OR ${db.quote(name)} LIKE '{%'`).join(' OR ')
    const key = field.slice(field.lastIndexOf('.') + 1)
    const isTheirs = (value: string, column: string): boolean => lists.has(column) ? isBelow(value, key, users) : users.has(value) || isAmong(value, users)
    return { table, columns, condition, together: lookedAt, isTheirs }
  }

  /** The rows that are theirs, some at a time. */
  async function * found ({ table, columns, condition, together, isTheirs }: Search, stop: AbortSignal): AsyncGenerator<Row[]> {
    const list = ['id', ...columns.map(name => db.quote(name))].join(', ')
    const largest = await largestId(db, table)
    for await (const { above, upTo } of idRanges(db, table, 0, largest, () => together)) {
      if (stop.aborted) return
      const rows = await db.query(`SELECT ${list} FROM ${db.quote(table.name)} WHERE id > ${above} AND id <= ${upTo} AND (${condition}) ORDER BY id`)
      const theirs = rows.filter(row => columns.some(name => row[name] !== null && isTheirs(String(row[name]), name)))
      if (theirs.length > 0) yield theirs
      looking(placeOf(table), `row ${upTo} of ${largest}`)
    }
  }

  async function count (search: Search, stop: AbortSignal): Promise<number> {
    let rows = 0
    for await (const some of found(search, stop)) rows += some.length
    return rows
  }

  /** Others may have locked the rows, or the database may be away for a while. */
  async function patiently (pace: Pace, stop: AbortSignal, work: () => Promise<number>): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work()
      } catch (error) {
        if (db.remedyOf(error) === 'none' || attempt === mostAttempts || stop.aborted) throw error
        pace.shrink()
        await sleep(retryMs, undefined, { signal: stop }).catch(() => {})
      }
    }
  }

  async function remove (search: Search, pace: Pace, stop: AbortSignal): Promise<number> {
    let removed = 0
    for await (const rows of found(search, stop)) {
      for (let at = 0; at < rows.length;) {
        await calm(stop)
        if (stop.aborted) return removed
        const ids = rows.slice(at, at + pace.rows).map(row => String(row['id']))
        const startMs = performance.now()
        removed += await patiently(pace, stop, async () => await db.transaction(async within => await within.execute(`DELETE FROM ${db.quote(search.table.name)} WHERE id IN (${ids.join(', ')})`)))
        at += ids.length
        await pace.rest(ids.length, performance.now() - startMs, stop)
      }
    }
    return removed
  }

  async function * each (stop: AbortSignal, work: (search: Search) => Promise<Pick<Erased, 'rows' | 'left'>>): AsyncGenerator<Erased> {
    try {
      for (const table of await eventTables(db, schemas)) {
        if (stop.aborted) return
        const search = searchIn(table)
        if (search !== null) yield { place: placeOf(table), bytes: 0, ...await work(search) }
      }
    } catch (error) {
      throw db.explain(error)
    }
  }

  return {
    find: stop => each(stop, async search => ({ rows: await count(search, stop), left: null })),
    async * erase (stop) {
      await db.requireWritable()
      const pace = new Pace()
      yield * each(stop, async search => ({ rows: await remove(search, pace, stop), left: await count(search, stop) }))
      await db.tidy()
    },
    close: async () => { await db.close() }
  }
}

/** Whether a column holds a list or an object in which the field is. */
function isAbove (column: EventColumn, field: FieldPath): boolean {
  if (column.field !== null) return field.startsWith(`${column.field}.`)
  return columnOf(field).toLowerCase().startsWith(`${column.name.toLowerCase()}_`)
}

function isBelow (json: string, key: string, users: ReadonlySet<string>): boolean {
  for (const user of usersIn(json, [key])) if (user === null || users.has(user)) return true
  return false
}

function isAmong (value: string, users: ReadonlySet<string>): boolean {
  if (!/^[[{]/.test(value)) return false
  // a value that was cut to fit its column is no JSON
  return [...value.matchAll(/"(?:[^"\\]+|\\.)*"|-?\d+/g)].some(([text]) => users.has(text.startsWith('"') ? unquoted(text) : text))
}

function unquoted (text: string): string {
  try {
    return JSON.parse(text) as string
  } catch {
    return ''
  }
}
