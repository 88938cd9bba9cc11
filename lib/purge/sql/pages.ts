import type { PurgeDatabase, Row } from './database.js'
import type { EventTable } from './event-tables.js'
import type { TablePolicy } from './policy.js'
import { idRanges, largestId, rangeIds, Select } from './select.js'
import { beginningOf, type Place, type Stair } from './stairs.js'

/** Rows that are old, and what is done when they are. */
export interface Page {
  readonly rows: readonly Row[]
  /** Null where the rows themselves show what was done. */
  readonly stair: Stair | null
  /** Whether the age of its rows is known: others are counted nowhere. */
  readonly isTimely: boolean
}

export interface Walk {
  readonly table: EventTable
  readonly policy: TablePolicy
  /** Columns that are needed besides those that the policy changes. */
  readonly columns: readonly string[]
  /** What was done before. */
  readonly stairs: readonly Stair[]
  /** How many rows a page may have; asked for each. */
  readonly size: () => number
}

/** The old rows of a table on which there is something to be done, in pages. Between two of them the rows may be deleted. */
export async function * pagesOf (db: PurgeDatabase, walk: Walk): AsyncGenerator<Page> {
  const { policy } = walk
  const select = new Select(db, walk.table, policy)
  if (policy.mode === 'delete') yield * deletable(db, walk, select)
  else if (policy.cutoff !== null) yield * strippable(db, walk, select, policy.cutoff)
  const rest = policy.mode === 'strip' ? ` AND (${select.dirty} OR ${select.changeable})` : ''
  for (const condition of select.timeless) {
    for await (const rows of byId(db, walk, select, condition + rest, 0)) yield { rows, stair: null, isTimely: false }
  }
}

/** What is done is gone: there is nothing to remember. */
async function * deletable (db: PurgeDatabase, walk: Walk, select: Select): AsyncGenerator<Page> {
  if (select.isIndexed) {
    for await (const { rows } of byTime(db, walk, select, select.old, null)) yield { rows, stair: null, isTimely: true }
    return
  }
  for await (const { above, upTo } of idRanges(db, walk.table, 0, await largestId(db, walk.table), () => rangeIds)) {
    for await (const rows of byId(db, walk, select, `id <= ${upTo} AND ${select.old}`, above)) yield { rows, stair: null, isTimely: true }
  }
}

/** Ids above this many below the largest may be those of rows that are not committed yet, and that come with old times. */
const settledBelow = 10_000

/** First, by time, what has become old since; then, by id, what came since: it may have been old from the beginning. */
async function * strippable (db: PurgeDatabase, walk: Walk, select: Select, cutoff: string): AsyncGenerator<Page> {
  const { fingerprint } = walk.policy
  const most = await largestId(db, walk.table)
  const { base, next } = beginningOf(walk.stairs, fingerprint, cutoff)
  const from = next ?? { policy: fingerprint, id: Math.max(base, most - settledBelow), time: '', timeId: 0 }
  let done = base
  if (walk.table.hasTimeIndex && from.id > base) {
    for await (const { rows, last } of byTime(db, walk, select, `${select.old} AND id > ${base} AND id <= ${from.id}`, from.time === '' ? null : { id: from.timeId, time: from.time })) {
      yield { rows, stair: { ...from, time: last.time, timeId: last.id }, isTimely: true }
    }
    yield { rows: [], stair: { ...from, time: cutoff, timeId: 0 }, isTimely: true }
    done = from.id
  }
  for await (const { rows, upTo } of inRanges(db, walk, select, done, most)) {
    yield { rows, stair: { policy: fingerprint, id: upTo, time: cutoff, timeId: 0 }, isTimely: true }
  }
}

/** In the order of the index, which has `id` behind each time. */
async function * byTime (db: PurgeDatabase, { columns, size }: Walk, select: Select, condition: string, after: Place | null): AsyncGenerator<{ rows: Row[], last: Place }> {
  for (let last = after; ;) {
    const beyond = last === null ? '' : ` AND ${select.behind(last)}`
    const most = size()
    const rows = await db.query(`SELECT ${select.list(columns)} ${select.from} WHERE ${condition}${beyond} ORDER BY ${select.time}, id LIMIT ${most}`)
    const end = rows.at(-1)
    if (end === undefined) return
    last = select.placeOf(end)
    yield { rows, last }
    if (rows.length < most) return
  }
}

/** Old rows whatever their order; waits for those that are being written. */
async function * inRanges (db: PurgeDatabase, { table, columns, size }: Walk, select: Select, from: number, to: number): AsyncGenerator<{ rows: Row[], upTo: number }> {
  for await (const { above, upTo } of idRanges(db, table, from, to, size)) {
    const rows = await db.query(`SELECT ${select.list(columns)} ${select.from} WHERE id > ${above} AND id <= ${upTo} AND ${select.old} ORDER BY id${db.waitForRows}`)
    yield { rows, upTo }
  }
}

/** The last page may be empty: looking took its time all the same. */
async function * byId (db: PurgeDatabase, { columns, size }: Walk, select: Select, condition: string, from: number): AsyncGenerator<Row[]> {
  for (let above = from; ;) {
    const most = size()
    const rows = await db.query(`SELECT ${select.list(columns)} ${select.from} WHERE ${condition} AND id > ${above} ORDER BY id LIMIT ${most}`)
    const end = rows.at(-1)
    yield rows
    if (end === undefined || rows.length < most) return
    above = select.placeOf(end).id
  }
}
