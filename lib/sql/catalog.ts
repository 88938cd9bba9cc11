import { createHash } from 'node:crypto'
import type { TablePlan } from './columns.js'
import { revisionOf, viewName } from './names.js'
import type { Group, Outcome } from './store.js'
import type { SqlValue } from './values.js'

/** A row of `vanadium_schemas`, as far as views depend on it. */
export interface CatalogRow {
  readonly schema: string
  readonly revision: number
  readonly table: string
  /** Null while there is no view that has this revision. */
  readonly view: string | null
  /** Of the view as it was made last. */
  readonly digest: string | null
}

/** A table or a view of the database. */
export interface DatabaseObject {
  readonly name: string
  readonly isView: boolean
  /** Of a table: a plan's `comment`, as far as the database stores it. */
  readonly comment?: string
}

/** What a transaction adds to a table's row. Times as `YYYY-MM-DD HH:MM:SS`, UTC. */
export interface Tally {
  readonly plan: TablePlan
  readonly inserted: number
  readonly first: string | null
  readonly last: string | null
}

/**
 * Of groups that gained rows and whose tables are listed, in one order for all consumers, so that none of them waits for another in a circle. First and last are of
 * all events that were not refused: a duplicate is in the table, with the same time.
 */
export function talliesOf (groups: ReadonlyArray<Group<unknown>>, outcomes: readonly Outcome[]): Tally[] {
  const tallies = groups.flatMap((group, at) => {
    const { inserted = 0, refused = [] } = outcomes[at] ?? {}
    return inserted === 0 || !group.table.plan.isListed ? [] : [{ plan: group.table.plan, inserted, ...range(group.times, new Set(refused.map(({ row }) => row))) }]
  })
  return tallies.sort((one, other) => compareText(one.plan.schema, other.plan.schema) || one.plan.revision - other.plan.revision)
}

function compareText (one: string, other: string): number {
  return one < other ? -1 : Number(one > other)
}

function range (times: readonly SqlValue[], refused: ReadonlySet<number>): Pick<Tally, 'first' | 'last'> {
  let first = ''
  let last = ''
  for (const [at, time] of times.entries()) {
    if (typeof time !== 'string' || refused.has(at)) continue
    if (first === '' || time < first) first = time
    if (time > last) last = time
  }
  return { first: dateTimeOf(first), last: dateTimeOf(last) }
}

/** Of what a column for times holds: `YYYYMMDDHHMMSS`, or a date and time. Null for anything else. */
export function dateTimeOf (time: unknown): string | null {
  const [, year, month, day, hour, minute, second] = /^(\d{4})-?(\d\d)-?(\d\d) ?(\d\d):?(\d\d):?(\d\d)/.exec(String(time)) ?? []
  return year === undefined ? null : `${year}-${String(month)}-${String(day)} ${String(hour)}:${String(minute)}:${String(second)}`
}

/** The tables of a schema's revisions, without those that belong to another schema with nearly the same name. */
export function revisionsOf (schema: string, objects: readonly DatabaseObject[], rows: readonly CatalogRow[]): Array<{ table: string, revision: number }> {
  const others = namesOf(rows.filter(row => row.schema !== schema).map(({ table }) => table))
  return objects.flatMap(({ name, isView, comment = '' }) => {
    const revision = revisionOf(name, schema)
    if (isView || revision === null || others.has(name.toLowerCase())) return []
    // a table that its owner has not entered yet says whose it is
    return /\/\d+$/.test(comment) && comment !== `${schema}/${revision}` ? [] : [{ table: name, revision }]
  })
}

/** Keeps the name that the schema's view has, and never takes what another schema or somebody else has. */
export function chooseView (schema: string, objects: readonly DatabaseObject[], rows: readonly CatalogRow[], isOurs: (view: string) => boolean): string {
  const others = namesOf(rows.filter(row => row.schema !== schema).map(({ view }) => view))
  const own = namesOf(rows.filter(row => row.schema === schema).map(({ view }) => view))
  const foreign = namesOf(objects.filter(({ name, isView }) => !(isView && (own.has(name.toLowerCase()) || isOurs(name)))).map(({ name }) => name))
  const kept = rows.find(row => row.schema === schema && row.view !== null)?.view ?? null
  if (kept !== null && !foreign.has(kept.toLowerCase())) return kept
  return viewName(schema, name => others.has(name.toLowerCase()) || foreign.has(name.toLowerCase()))
}

/** The name in lower case, as some databases compare them. */
function namesOf (names: ReadonlyArray<string | null>): Set<string> {
  return new Set(names.flatMap(name => name === null ? [] : [name.toLowerCase()]))
}

/** Every view of ours begins like that; somebody else's hardly ever does. */
export function looksLikeOurs (columns: ReadonlyArray<{ readonly name: string }>): boolean {
  return columns[0]?.name === 'id' && /^(?:vanadium_)?revision_*$/.test(columns[1]?.name ?? '')
}

/** Tells whether a view has to be made again. */
export function digestOf (statements: readonly string[]): string {
  return createHash('sha1').update(statements.join(';\n')).digest('hex').slice(0, 16)
}
