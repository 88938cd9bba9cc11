import { dumpPath } from '../../../lib/backup/layout.js'
import { undated, type DumpSource, type Hour } from '../../../lib/backup/manifest.js'
import { numberText } from '../../text.js'
import type { Backup } from './copies.js'
import { differencesOf, hasSameEvents, type Difference } from './differences.js'
import { finding, type Finding } from './finding.js'
import type { Claims } from './policy.js'
import { isDaily, type LiveTables } from './tables.js'

/** A dump, and what it is of. */
export interface Dump extends Backup {
  readonly source: DumpSource
}

export interface DumpLook {
  /** Of the database, for people. */
  readonly name: string
  /** The staging area: what all places lack is told of it. */
  readonly to: string
  readonly live: LiveTables
  readonly claims: Claims
  /** What was over when a purge, and after it a backup, was done. */
  readonly isOverdue: (hour: Hour) => boolean
  /** Whether backups keep an hour. */
  readonly isKept: (hour: Pick<Hour, 'hour'>) => boolean
  /** When the last backup began that did everything. */
  readonly runMs: number
  /** There was no backup for too long. */
  readonly isLate: boolean
  /** Of these hours in a dump, key and content of each row, in hex. */
  rows (file: string, hours: ReadonlySet<string>): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>>
  see (found: Finding): void
}

/** Rows that are compared one by one at a time, of hours that are not what they were; of an hour that has more only the hour is named. Each takes some hundred bytes. */
const mostRows = 200_000
/** Keys of rows that a finding names. */
const mostKeys = 100

/** Compares a dump with what its table has of that day now. */
export async function compareDump (dump: Dump, look: DumpLook): Promise<void> {
  const { source, manifest } = dump
  const table = look.live.tables.get(source.table)
  if (table === undefined) {
    const lost = manifest.hours.filter(hour => isDaily(source.table) || look.claims(hour) !== 'nothing')
    for (const { hour, schema, count } of lost) look.see(finding('missing', look.name, source.table, `there is no such table; a backup has ${numberText(count)} rows`, { hours: [{ hour, schema, events: count }] }))
    return
  }
  // what vanadium notes for itself is another each minute; rows of these only change
  if (table.style === 'whole' && !isDaily(table.name)) return
  const differences = differencesOf(manifest.hours, await look.live.hours(source.table, source.day))
  const doubtful = differences.filter(difference => isDoubtful(difference, look))
  for (const difference of differences) if (!doubtful.includes(difference)) tellOld(dump, difference, look)
  for (const part of partsOf(doubtful)) {
    const rows = await rowsOfDump(dump, part, look)
    for (const difference of part) await tellRows(dump, difference, rows?.get(difference.hour) ?? (rows === null ? null : new Map<string, string>()), look)
  }
}

/** As many together as fit into memory. */
function partsOf (differences: readonly Difference[]): Difference[][] {
  const parts: Difference[][] = []
  let rows = Infinity
  for (const difference of differences) {
    const own = rowsIn(difference)
    if (rows + own > mostRows) parts.push([])
    rows = rows + own > mostRows ? own : rows + own
    parts.at(-1)?.push(difference)
  }
  return parts
}

function rowsIn ({ was, is }: Difference): number {
  return (was?.count ?? 0) + (is?.count ?? 0)
}

/** Whether it is to be looked at row by row: a purge does not explain it, nor that something has come. */
function isDoubtful (difference: Difference, { claims }: DumpLook): boolean {
  const { was, is, schema } = difference
  const claim = isDaily(schema) ? 'all' : claims(difference)
  return was !== null && claim !== 'nothing' && !(claim === 'events' && hasSameEvents(was, is))
}

function tellOld (dump: Dump, difference: Difference, look: DumpLook): void {
  const { was, is, hour, schema } = difference
  if (was === null) {
    if (look.isLate) look.see(lacking(dump, difference, is?.count ?? 0, look))
  } else if (look.isOverdue(was)) {
    look.see(finding('too-old', dump.place, dump.path, 'it has what was purged, and may not be kept', { hours: [{ hour, schema, events: was.count }] }))
  }
}

type Rows = ReadonlyMap<string, string>

async function rowsOfDump ({ good }: Dump, doubtful: readonly Difference[], { rows }: DumpLook): Promise<ReadonlyMap<string, Rows> | null> {
  const most = doubtful.reduce((sum, difference) => sum + rowsIn(difference), 0)
  if (good === null || most > mostRows) return null
  return await rows(good, new Set(doubtful.map(({ hour }) => hour)))
}

/** `had`: the rows of the backup; null if nobody can tell which they are. */
async function tellRows (dump: Dump, difference: Difference, had: Rows | null, look: DumpLook): Promise<void> {
  const { was, is, hour, schema } = difference
  const all = numberText(was?.count ?? 0)
  if (had === null) {
    tellCount(difference, look)
    return
  }
  const has = await look.live.rows(dump.source.table, hour)
  const lost = [...had.keys()].filter(key => !has.has(key))
  const changed = [...had].filter(([key, content]) => has.has(key) && has.get(key) !== content).map(([key]) => key)
  const gained = [...has.keys()].filter(key => !had.has(key)).length
  if (lost.length > 0) look.see(finding('missing', look.name, schema, `${numberText(lost.length)} of ${all} rows are not there any more`, { hours: [{ hour, schema, events: lost.length }], rows: lost.slice(0, mostKeys) }))
  if (look.claims(difference) === 'all' && changed.length > 0) look.see(finding('damaged', look.name, schema, `${numberText(changed.length)} of ${all} rows are not what they were`, { hours: [{ hour, schema, events: changed.length }], rows: changed.slice(0, mostKeys) }))
  if (look.isLate && gained > 0) look.see(lacking(dump, difference, gained, look))
  // rows without a key, or with the same, were taken for one
  if (lost.length === 0 && changed.length === 0 && (is?.count ?? 0) <= (was?.count ?? 0)) tellCount(difference, look)
}

/** As well as can be told without looking at rows. */
function tellCount ({ was, is, hour, schema }: Difference, { claims, name, see }: DumpLook): void {
  const [all, lost] = [numberText(was?.count ?? 0), Math.max(0, (was?.count ?? 0) - (is?.count ?? 0))]
  if (lost > 0) see(finding('missing', name, schema, `${numberText(lost)} of ${all} rows are not there any more`, { hours: [{ hour, schema, events: lost }] }))
  else if (claims({ hour, schema }) === 'all') see(finding('damaged', name, schema, `the ${all} rows are not what they were`, { hours: [{ hour, schema, events: null }] }))
}

function lacking ({ path, manifest }: Dump, { hour, schema }: Difference, rows: number, { to }: DumpLook): Finding {
  return finding('too-old', to, path, `it is of ${manifest.made}, and lacks ${numberText(rows)} rows`, { hours: [{ hour, schema, events: rows }] })
}

/**
 * Days that a table has and of which there is no dump, at no place. A day that came after the last backup is none of them: its rows are
 * numbered higher than the first of every day of which there is a dump.
 */
export async function findUndumped (table: string, dumps: readonly Dump[], look: DumpLook): Promise<void> {
  if (look.live.tables.get(table)?.style === 'whole') {
    if (dumps.length === 0) await tellUndumped(table, look)
    return
  }
  const dumped = new Set(dumps.map(({ source }) => source.day))
  const days = (await look.live.days(table)).filter(day => !dumped.has(day))
  if (days.length === 0) return
  let newest = -Infinity
  for (const day of dumped) newest = Math.max(newest, await look.live.firstId(table, day) ?? -Infinity)
  for (const day of days) {
    const first = await look.live.firstId(table, day)
    const hours = (await look.live.hours(table, day)).filter(hour => look.claims(hour) !== 'nothing' && look.isKept(hour))
    if (hours.length === 0 || !(look.isLate || (first !== null && first < newest))) continue
    look.see(finding(look.isLate ? 'too-old' : 'missing', look.to, dumpPath(look.live.database, table, day), 'there is no dump of that day', { hours: hours.map(({ hour, schema, count }) => ({ hour, schema, events: count })) }))
  }
}

/** Of a table without days: it has rows, was there when the last backup began, and is in none. */
async function tellUndumped (table: string, { live, to, isLate, runMs, see }: DumpLook): Promise<void> {
  if (!isLate && !(await live.madeMs(table) < runMs)) return
  const hours = await live.hours(table, undated)
  if (hours.length > 0) see(finding(isLate ? 'too-old' : 'missing', to, dumpPath(live.database, table, undated), 'there is no dump of that table', { hours: hours.map(({ hour, schema, count }) => ({ hour, schema, events: count })) }))
}
