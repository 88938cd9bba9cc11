import { RecordError } from '../errors.js'
import type { Column } from './columns.js'
import type { Lacking } from './store.js'
import { converterOf, type Converter, type SqlValue } from './values.js'

/** An event as a row: one value a column, in their order. Throws `RecordError` when a column cannot hold its value. */
export type RowMapper = (event: object) => SqlValue[]

/** A key of an object: the column its value goes to, or what is inside it. */
interface Node {
  readonly key: string
  /** The key is one that every object inherits, so only an object's own counts. */
  readonly inherited: boolean
  readonly targets: Array<{ readonly at: number, readonly convert: Converter }>
  readonly children: Node[]
}

/**
 * Compiled once for a table. Columns without a value are null. `onLong` is what `converterOf` says, of any column. What has a value for a
 * column that the table lacks is refused: without it the row would say something else.
 */
export function rowMapper (columns: readonly Column[], onLong: (column: Column, characters: number) => void, lacking: readonly Lacking[] = []): RowMapper {
  const roots: Node[] = []
  columns.forEach((column, at) => {
    const convert = converterOf(column, characters => { onLong(column, characters) })
    for (const path of sourcesOf(column)) nodeAt(roots, path).targets.push({ at, convert })
  })
  for (const { column, error } of lacking) nodeAt(roots, column.path).targets.push({ at: columns.length, convert: () => refuse(column, error) })
  return event => {
    const row = new Array<SqlValue>(columns.length).fill(null)
    fill(row, event, roots)
    return row
  }
}

function refuse ({ name }: Column, cause: RecordError): never {
  throw new RecordError('refused-by-store', `the event has a value for column ${name}, which the table cannot be given: ${cause.message}`, { cause, column: name })
}

/** A capsule has `timestamp`, or `dt` in its place; `timestamp` comes later and wins. */
function sourcesOf ({ kind, path }: Column): ReadonlyArray<readonly string[]> {
  return kind === 'timestamp' ? [['dt'], path] : [path]
}

function nodeAt (roots: Node[], path: readonly string[]): Node {
  let nodes = roots
  let found: Node | undefined
  for (const key of path) {
    found = nodes.find(node => node.key === key)
    if (found === undefined) nodes.push(found = { key, inherited: key in {}, targets: [], children: [] })
    nodes = found.children
  }
  if (found === undefined) throw new TypeError('a column needs a path')
  return found
}

function fill (row: SqlValue[], object: object, nodes: readonly Node[]): void {
  const values = object as Record<string, unknown>
  for (const { key, inherited, targets, children } of nodes) {
    const value = inherited && !Object.hasOwn(object, key) ? undefined : values[key]
    if (value === undefined || value === null) continue
    for (const { at, convert } of targets) row[at] = convert(value)
    if (children.length > 0 && typeof value === 'object') fill(row, value, children)
  }
}
