import { createHash } from 'node:crypto'
import { ConfigError } from '../../errors.js'
import { tableName } from '../../sql/names.js'
import type { SqlValue } from '../../sql/values.js'
import type { PurgeDatabase, Row, Statements } from './database.js'
import { mergeInto, parseSketch, percentile, sketchText } from './sketch.js'
import { ownColumns, type Counting, type Measured, type Total } from './totals.js'

export const percents = [5, 25, 50, 75, 95, 99] as const

/** Bytes of a statement at most, nearly. */
const longestStatement = 1 << 20
const longestName = 64

/** `<Schema>_daily`; a longer name than 64 characters is cut as those of tables are. */
export function dailyName (schema: string): string {
  const name = tableName(schema, 0).replace(/_0$/, '_daily')
  if (name.length <= longestName) return name
  const end = `_${createHash('sha1').update(schema).digest('hex').slice(0, 8)}_daily`
  return name.slice(0, longestName - end.length) + end
}

/** The table into which a schema's events are counted before they are purged. */
export interface Daily {
  readonly name: string
  /** Adds to what is there; within the transaction that changes the rows which were counted. */
  add (within: Statements, totals: readonly Total[]): Promise<void>
}

/** Makes the table, or gives it the columns that it lacks. Never within a transaction. */
export async function openDaily (db: PurgeDatabase, schema: string, counting: Counting): Promise<Daily> {
  const name = dailyName(schema)
  const wanted = columnsOf(db, counting)
  const existing = (await db.tables()).find(table => table.name.toLowerCase() === name.toLowerCase())
  const has = new Set((existing?.columns ?? []).map(column => column.name.toLowerCase()))
  if (existing !== undefined && !ownColumns.every(column => has.has(column))) throw new ConfigError('bad-registry', `table ${name} is somebody else's: it lacks ${ownColumns.join(', ')}; rename it, or do not aggregate ${schema}`)
  await make(db, name, wanted, existing === undefined ? null : has)
  return {
    name,
    async add (within, totals) {
      for (let at = 0; at < totals.length; at += mostTotals) await merge(db, within, { name, columns: [...wanted.keys()], counting }, totals.slice(at, at + mostTotals))
    }
  }
}

const mostTotals = 200

/** The columns and how they are declared. Throws `ConfigError` when two would have one name. */
function columnsOf ({ types }: PurgeDatabase, { dimensions, measures }: Counting): Map<string, string> {
  const columns: Array<[string, string]> = [
    ['digest', types.key], ['day', types.day], ['events', types.integer], ['estimate', types.number],
    ...dimensions.map(({ name }): [string, string] => [name, types.text]),
    ...measures.flatMap(({ name }): Array<[string, string]> => [
      [partOf(name, 'count'), types.integer],
      ...['sum', 'min', 'max', ...percents.map(percent => `p${percent}`)].map((part): [string, string] => [partOf(name, part), types.number]),
      [partOf(name, 'sketch'), types.text]
    ])
  ]
  const names = columns.map(([name]) => name.toLowerCase())
  const twice = names.find((name, at) => names.indexOf(name) < at)
  if (twice !== undefined) throw new ConfigError('bad-registry', `aggregate would need two columns called ${twice}; name a field once, and no field like a figure of another`)
  return new Map(columns)
}

/** Of `event_x` the column `event_x_p50`. */
function partOf (name: string, part: string): string {
  const plain = `${name}_${part}`
  if (plain.length <= longestName) return plain
  const end = `_${createHash('sha1').update(name).digest('hex').slice(0, 8)}_${part}`
  return name.slice(0, longestName - end.length) + end
}

async function make (db: PurgeDatabase, name: string, wanted: ReadonlyMap<string, string>, has: ReadonlySet<string> | null): Promise<void> {
  const declared = [...wanted].map(([column, type]) => [column, `${db.quote(column)} ${type}`] as const)
  if (has === null) {
    await db.execute(`CREATE TABLE IF NOT EXISTS ${db.quote(name)} (${declared.map(([, line]) => line).join(', ')}) ${db.types.options}`)
    return
  }
  for (const [column, line] of declared) {
    if (!has.has(column.toLowerCase())) await db.execute(`ALTER TABLE ${db.quote(name)} ADD COLUMN ${line}`)
  }
}

interface Target {
  readonly name: string
  readonly columns: readonly string[]
  readonly counting: Counting
}

async function merge (db: PurgeDatabase, within: Statements, target: Target, totals: readonly Total[]): Promise<void> {
  const digests = totals.map(({ digest }) => db.literal(digest)).join(',')
  const rows = await within.query(`SELECT * FROM ${db.quote(target.name)} WHERE digest IN (${digests})`)
  const there = new Map(rows.map(row => [String(row['digest']), row]))
  const tuples = totals.map(total => `(${tupleOf(target, total, there.get(total.digest)).map(value => db.literal(value)).join(',')})`)
  const head = `INSERT INTO ${db.quote(target.name)} (${target.columns.map(column => db.quote(column)).join(',')}) VALUES `
  for (let from = 0; from < tuples.length;) {
    let to = from
    for (let bytes = 0; to < tuples.length && (to === from || bytes < longestStatement); to++) bytes += tuples[to]?.length ?? 0
    await within.execute(`${head}${tuples.slice(from, to).join(',')} ${db.replacing('digest', target.columns)}`)
    from = to
  }
}

/** What is to be in the row, in the order of the columns. */
function tupleOf ({ counting }: Target, total: Total, there: Row | undefined): SqlValue[] {
  return [
    total.digest, total.day, total.events + Number(there?.['events'] ?? 0), total.estimate + Number(there?.['estimate'] ?? 0),
    ...counting.dimensions.map(({ name }) => total.dimensions.get(name) ?? null),
    ...counting.measures.flatMap(({ name }) => figuresOf(name, total.measures.get(name), there))
  ]
}

function figuresOf (name: string, added: Measured | undefined, there: Row | undefined): SqlValue[] {
  const before = (part: string): unknown => there?.[partOf(name, part)] ?? null
  const sketch = parseSketch(String(before('sketch') ?? ''))
  if (added !== undefined) mergeInto(sketch, added.sketch)
  const count = Number(before('count') ?? 0) + (added?.count ?? 0)
  if (count === 0) return [0, ...new Array<null>(3 + percents.length + 1).fill(null)]
  const [min, max] = [before('min'), before('max')].map(value => value === null ? null : Number(value))
  const least = Math.min(min ?? Infinity, added?.min ?? Infinity)
  const most = Math.max(max ?? -Infinity, added?.max ?? -Infinity)
  return [
    count, finite(Number(before('sum') ?? 0) + (added?.sum ?? 0)), least, most,
    // of few values the middle of a bucket may be beyond all of them
    ...percents.map(percent => Math.min(most, Math.max(least, percentile(sketch, percent) ?? least))),
    sketchText(sketch)
  ]
}

function finite (number: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, number))
}
