import type { ExistingColumn } from './existing.js'

/** The table of a revision, with all the columns it has, in its order. */
export interface RevisionTable {
  readonly name: string
  readonly revision: number
  readonly columns: readonly ExistingColumn[]
}

/**
 * What a table gives for a column of the view. `loose`: the column as it is, where other revisions have another type in it.
 * `time` and `mediawiki`: a point in time as a date and time, and as `YYYYMMDDHHMMSS`, made of a column of the other kind. `one`: 1;
 * `weight`: for how many events one stands that was kept by the rate in the column.
 */
export type Source =
  | { readonly kind: 'null' | 'one' }
  | { readonly kind: 'revision', readonly revision: number }
  | { readonly kind: 'plain' | 'loose' | 'time' | 'mediawiki' | 'weight', readonly column: ExistingColumn }

/** The view over all revisions of a schema. */
export interface ViewPlan {
  readonly columns: readonly string[]
  /** The newest first, each with a source for every column. */
  readonly tables: ReadonlyArray<{ readonly name: string, readonly sources: readonly Source[] }>
}

/** Columns that every view begins with. Where a table has a column of that name which means something else, `vanadium_` goes before it. */
const head = ['id', 'revision', 'uuid', 'timestamp', 'dt', 'weight'] as const
type Head = typeof head[number]

/**
 * Aligns the tables by the names of their columns, whatever their case. First come `id`, `revision`, `uuid`, `timestamp`, `dt` and
 * `weight`, then the newest revision's columns in its order, then those that only older ones have. Null if there is no table.
 */
export function planView (revisions: readonly RevisionTable[]): ViewPlan | null {
  const tables = [...revisions].sort((one, other) => other.revision - one.revision).map(splitTable)
  if (tables.length === 0) return null
  const names = new Map(tables.flatMap(table => [...table.rest]).reverse().map(([key, column]) => [key, column.name]))
  const ordered = [...new Set(tables.flatMap(table => [...table.rest.keys()]))]
  const loose = new Set(ordered.filter(key => new Set(tables.flatMap(table => family(table.rest.get(key)))).size > 1))
  return {
    columns: [...head.map(name => freeName(name, names)), ...ordered.map(key => names.get(key) ?? key)],
    tables: tables.map(table => ({
      name: table.name,
      sources: [...head.map(name => table.head[name]), ...ordered.map(key => sourceOf(table.rest.get(key), loose.has(key)))]
    }))
  }
}

interface SplitTable {
  readonly name: string
  readonly head: Readonly<Record<Head, Source>>
  /** The other columns, by their name in lower case. */
  readonly rest: ReadonlyMap<string, ExistingColumn>
}

function splitTable ({ name, revision, columns }: RevisionTable): SplitTable {
  const rest = new Map(columns.map(column => [column.name.toLowerCase(), column]))
  // only events with metadata have it: a capsule's fields all begin with event_
  const isMeta = rest.has('meta_id')
  const time = rest.get(isMeta ? 'meta_dt' : 'timestamp')
  const isDate = time !== undefined && /^(?:datetime|timestamp)$/.test(time.type)
  // of events with metadata it is a field like others
  const rate = isMeta ? undefined : rest.get('samplingrate')
  const own: Record<Head, Source> = {
    id: sourceOf(rest.get('id')),
    revision: { kind: 'revision', revision },
    uuid: sourceOf(rest.get(isMeta ? 'meta_id' : 'uuid')),
    timestamp: time === undefined ? sourceOf() : { kind: isDate ? 'mediawiki' : 'plain', column: time },
    dt: time === undefined ? sourceOf() : { kind: isDate ? 'plain' : 'time', column: time },
    weight: rate === undefined ? { kind: 'one' } : { kind: 'weight', column: rate }
  }
  for (const key of isMeta ? ['id'] : ['id', 'uuid', 'timestamp']) rest.delete(key)
  return { name, head: own, rest }
}

function sourceOf (column?: ExistingColumn, isLoose = false): Source {
  return column === undefined ? { kind: 'null' } : { kind: isLoose ? 'loose' : 'plain', column }
}

function freeName (name: Head, taken: ReadonlyMap<string, string>): string {
  let free = taken.has(name) ? `vanadium_${name}` : name
  while (taken.has(free)) free += '_'
  return free
}

/** Types of one family go together without losing anything. None for no column. */
function family (column: ExistingColumn | undefined): string[] {
  if (column === undefined) return []
  const { type } = column
  if (/int(?:eger)?$/.test(type)) return ['integer']
  if (/^(?:float|double|real)$/.test(type)) return ['number']
  return [/char$|text$|^enum$|^set$/.test(type) ? 'text' : type]
}

/** A query over the tables. Names of columns and the types that nulls take are those of the first. */
export function selectOf ({ columns, tables }: ViewPlan, write: (source: Source) => string, quote: (name: string) => string): string {
  return tables.map(({ name, sources }, first) => {
    const list = sources.map((source, at) => first === 0 ? `${write(source)} AS ${quote(columns[at] ?? '')}` : write(source))
    return `SELECT ${list.join(', ')} FROM ${quote(name)}`
  }).join('\nUNION ALL ')
}

export function mysqlSource (quote: (name: string) => string): (source: Source) => string {
  return source => {
    switch (source.kind) {
      case 'null': return 'NULL'
      case 'one': return '1E0'
      case 'revision': return String(source.revision)
      case 'plain': return quote(source.column.name)
      case 'weight': return weight(quote(source.column.name), '1E0')
      case 'time': return `CAST(${quote(source.column.name)} AS DATETIME)`
      case 'mediawiki': return `DATE_FORMAT(${quote(source.column.name)}, '%Y%m%d%H%i%S')`
      case 'loose': return mysqlText(quote(source.column.name), source.column)
    }
  }
}

/** A rate of 0 is nobody's: what is there is one event. */
function weight (rate: string, one: string): string {
  return `COALESCE(${one} / NULLIF(${rate}, 0), ${one})`
}

/** Text that has every digit. Without a length MariaDB cuts a DOUBLE after 22 characters, some of which have 24. */
function mysqlText (name: string, column: ExistingColumn): string {
  const length = /int(?:eger)?$|^(?:float|double|real|decimal|numeric|date|datetime|timestamp|time|year|bit)$/.test(column.type) ? '(80)' : ''
  return `CAST(${name} AS CHAR${length} CHARACTER SET utf8mb4) COLLATE utf8mb4_bin`
}

/** Values in SQLite have their type with them; a column of a view converts to the type of its first table unless it has an expression. */
export function sqliteSource (quote: (name: string) => string): (source: Source) => string {
  return source => {
    switch (source.kind) {
      case 'null': return 'NULL'
      case 'one': return '1.0'
      case 'revision': return String(source.revision)
      case 'plain': return quote(source.column.name)
      case 'weight': return weight(quote(source.column.name), '1.0')
      case 'loose': return `+${quote(source.column.name)}`
      case 'time': return sqliteTime(quote(source.column.name))
      case 'mediawiki': return `strftime('%Y%m%d%H%M%S', ${quote(source.column.name)})`
    }
  }
}

/** Null for what is no time. */
function sqliteTime (name: string): string {
  const part = (from: number, length: number): string => `substr(${name}, ${from}, ${length})`
  return `datetime(${part(1, 4)} || '-' || ${part(5, 2)} || '-' || ${part(7, 2)} || ' ' || ${part(9, 2)} || ':' || ${part(11, 2)} || ':' || ${part(13, 2)})`
}
