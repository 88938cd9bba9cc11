import { isInternal, type JsonSchema, type Schema } from '../event/schemas.js'
import { fieldsOf, type Field } from './fields.js'
import { columnNames, tableName } from './names.js'

/**
 * What a column holds. `key`: identifies the row, or is unique like that; never cut. `string`: at most `length` characters.
 * `text`: strings as they are, everything else as JSON. `timestamp`: MediaWiki's `YYYYMMDDHHMMSS`. `date-time`: to the
 * second, UTC.
 */
export type ColumnKind = 'key' | 'timestamp' | 'boolean' | 'integer' | 'number' | 'string' | 'text' | 'date-time'

export interface Column {
  readonly name: string
  readonly kind: ColumnKind
  /** Characters, of `key`, `timestamp` and `string`; 0 for the others. */
  readonly length: number
  readonly index: 'unique' | 'plain' | null
  /** Where the value is in the event as it travels. */
  readonly path: readonly string[]
  /** What the schema's owner says about it, as far as databases store that. */
  readonly comment: string
}

/** An index over several columns; those of one column are with it. */
export interface Index {
  readonly name: string
  readonly columns: readonly string[]
}

/** A table before anybody asked the database. Before these columns comes `id`, which the database fills. */
export interface TablePlan {
  readonly name: string
  readonly schema: string
  readonly revision: number
  /** The column by which a row that comes again is recognised. */
  readonly key: string
  /** The column that says when the event was. */
  readonly time: string
  /** The first is `key`, the second `time`. */
  readonly columns: readonly Column[]
  /** A table that is there already is not given them: on a large one that takes hours. */
  readonly indexes: readonly Index[]
  readonly comment: string
  /** What the schema says it is about. */
  readonly description: string
  /** Whether analysts find it: it is in `vanadium_schemas` and in the view of its schema. */
  readonly isListed: boolean
}

/** Characters of a string's column; longer ones are cut. */
const stringLength = 1024

/** MySQL's limit for all columns of a row, in bytes, without what is in TEXT: https://dev.mysql.com/doc/refman/8.4/en/column-count-limit.html */
const widestRow = 65_535

/** Bytes of a column's comment; MySQL takes as many characters: https://dev.mysql.com/doc/refman/8.4/en/create-table.html */
const longestComment = 1024

/** Bytes of a table's names and comments, and about twenty more a column: MariaDB takes 65,535, the rest is for later columns. */
const longestDefinition = 50_000

/** InnoDB takes 64 secondary indexes a table, and each makes every insert slower. */
const mostIndexes = 32

/** The table of a schema's revision. Throws `RecordError` when no table can hold its fields. */
export function planTable (schema: Schema): TablePlan {
  const { name, revision, style, modern } = schema
  const columns = style === 'meta' ? metaColumns(schema) : capsuleColumns(schema)
  return {
    name: tableName(name, revision),
    schema: name,
    revision,
    key: style === 'meta' ? 'meta_id' : 'uuid',
    time: style === 'meta' ? 'meta_dt' : 'timestamp',
    columns: shortenComments(narrow(limitIndexes(columns))),
    indexes: style === 'meta' ? [] : [{ name: 'wiki_timestamp', columns: ['wiki', 'timestamp'] }],
    comment: `${name}/${revision}`,
    description: descriptionOf(modern),
    isListed: !isInternal(schema)
  }
}

/** Characters of a schema's description: as many fit into TEXT, whatever they are. */
const longestDescription = 16_000

function descriptionOf ({ description, title }: JsonSchema): string {
  return [description, title].find(text => typeof text === 'string' && text !== '')?.toString().slice(0, longestDescription) ?? ''
}

const capsule: readonly Column[] = [
  { name: 'uuid', kind: 'key', length: 32, index: 'unique', path: ['uuid'], comment: 'Identifies the event, everywhere and always' },
  { name: 'timestamp', kind: 'timestamp', length: 14, index: 'plain', path: ['timestamp'], comment: 'When the event was received, YYYYMMDDHHMMSS, UTC' },
  { name: 'webHost', kind: 'string', length: 255, index: null, path: ['webHost'], comment: 'Host that the page was requested from' },
  { name: 'wiki', kind: 'string', length: 64, index: null, path: ['wiki'], comment: 'Database name of the wiki' },
  { name: 'userAgent', kind: 'text', length: 0, index: null, path: ['userAgent'], comment: 'What the browser says it is; JSON when it was parsed' },
  { name: 'clientIp', kind: 'string', length: 255, index: null, path: ['clientIp'], comment: 'Hash of the address, with a key that changes' },
  { name: 'samplingRate', kind: 'number', length: 0, index: null, path: ['samplingRate'], comment: 'Share of events like this one that were kept; all where it is null' }
]

function capsuleColumns ({ modern }: Schema): Column[] {
  const fields = fieldsOf(modern).map(field => ({ ...field, path: ['event', ...field.path] }))
  const names = columnNames(fields.map(field => field.path), ['id', ...capsule.map(column => column.name)])
  return [...capsule, ...fields.map((field, at) => columnOf(field, names[at] ?? ''))]
}

/** The event describes itself: its `meta.id` and `meta.dt` do what the capsule's `uuid` and `timestamp` do. */
function metaColumns ({ modern }: Schema): Column[] {
  const own: Column[] = [
    { name: 'meta_id', kind: 'key', length: 64, index: 'unique', path: ['meta', 'id'], comment: 'Identifies the event, everywhere and always' },
    { name: 'meta_dt', kind: 'date-time', length: 0, index: 'plain', path: ['meta', 'dt'], comment: 'When the event happened, UTC' }
  ]
  const fields = fieldsOf(modern)
    .map(field => field.path.length === 0 ? { ...field, path: ['event'] } : field)
    .filter(field => !own.some(column => column.path.join('/') === field.path.join('/')))
  const names = columnNames(fields.map(field => field.path), ['id', ...own.map(column => column.name)])
  return [...own, ...fields.map((field, at) => columnOf(field, names[at] ?? ''))]
}

function columnOf ({ path, kind, maxLength, description }: Field, name: string): Column {
  const column = { name, path, comment: description, length: 0, index: null }
  switch (kind) {
    case 'uuid': return { ...column, kind: 'key', length: 32, index: 'unique' }
    case 'date-time': return { ...column, kind, index: 'plain' }
    case 'string': return maxLength !== null && maxLength > stringLength
      ? { ...column, kind: 'text' }
      : { ...column, kind, length: stringLength }
    default: return { ...column, kind }
  }
}

/** Cuts comments to what the dictionaries of MySQL and MariaDB hold, which is no characters beyond the basic plane either. */
function shortenComments (columns: readonly Column[]): Column[] {
  const names = columns.reduce((sum, { name }) => sum + name.length + 20, 0)
  const most = Math.min(longestComment, Math.floor((longestDefinition - names) / columns.length))
  return columns.map(column => ({ ...column, comment: shorten(column.comment, most) }))
}

function shorten (comment: string, most: number): string {
  const bytes = Buffer.from(comment.replaceAll('\0', '').replace(/[\u{10000}-\u{10ffff}]/gu, '\ufffd'))
  if (bytes.length <= most) return bytes.toString()
  return most < 10 ? '' : `${bytes.subarray(0, most - 3).toString().replace(/\ufffd$/, '')}…`
}

/** The first ones keep their index. What should be unique but has none is a string like others. */
function limitIndexes (columns: readonly Column[]): Column[] {
  let indexes = 0
  return columns.map(column => {
    if (column.index === null || ++indexes <= mostIndexes) return column
    return { ...column, index: null, kind: column.kind === 'key' ? 'string' : column.kind }
  })
}

/**
 * Strings become `text` from the first one on that does not fit into a row any more. `used` are the bytes of the columns
 * that the table has already.
 */
export function narrow (columns: readonly Column[], used = 0): Column[] {
  const others = columns.filter(column => column.kind !== 'string')
  let left = widestRow - used - widthOfId - Math.ceil((columns.length + 1) / 8) - widthOf(others)
  left -= (columns.length - others.length) * widthOfText
  return columns.map(column => {
    if (column.kind !== 'string') return column
    left -= widthOf([column]) - widthOfText
    if (left >= 0) return column
    left = -1
    return { ...column, kind: 'text', length: 0 }
  })
}

const widthOfId = 8
const widthOfText = 12

/** Bytes that columns take of a row at most. */
export function widthOf (columns: readonly Column[]): number {
  return columns.reduce((sum, { kind, length }) => sum + bytesOf(kind, length), 0)
}

function bytesOf (kind: ColumnKind, length: number): number {
  switch (kind) {
    case 'boolean': return 1
    case 'integer': case 'number': case 'date-time': return 8
    case 'text': return widthOfText
    // utf8mb4, and two bytes for the length
    case 'key': case 'timestamp': case 'string': return length * 4 + 2
  }
}
