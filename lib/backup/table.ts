import { mysqlDialect } from '../sql/ddl.js'
import { tupleOf } from '../sql/mysql/literals.js'
import { undated } from './manifest.js'

/** Asks the database that a connection is in. */
export type Query = (sql: string) => Promise<ReadonlyArray<Readonly<Record<string, unknown>>>>

/** A table, as far as its dumps and sums go. */
export interface BackupTable {
  readonly name: string
  /** Which day a row is of: by the capsule's time, by that of an event that describes itself; `whole`: no table of events, it has no days. */
  readonly style: 'capsule' | 'meta' | 'whole'
  /** Whether rows are numbered by `id`. */
  readonly hasId: boolean
  /** Whether a row that comes without an `id` is given one. */
  readonly givesId: boolean
  /** By name; those that the database computes are in dumps, too. */
  readonly columns: readonly BackupColumn[]
}

export interface BackupColumn {
  readonly name: string
  readonly kind: 'text' | 'bytes' | 'other'
}

/** Columns of tables of events. */
export const styles = [
  { style: 'capsule', key: 'uuid', time: 'timestamp' },
  { style: 'meta', key: 'meta_id', time: 'meta_dt' }
] as const

/**
 * Who writes now is no business of a backup's: a lease that is restored would be somebody's who does not know of it. Nor is that a restore is
 * going on.
 */
const transient = ['vanadium_leases', 'vanadium_fences', 'vanadium_lease_members', 'vanadium_restore']

/** How long the server waits for a question while a dump, which asks by a connection of its own, is made. */
const longestDumpSeconds = 7 * 86_400

/** Sets the session up for all that is asked in this folder: times and literals mean the same in all of them. */
export async function setUpSession (query: Query): Promise<void> {
  await query(`SET SESSION time_zone = '+00:00', sql_mode = '', wait_timeout = ${longestDumpSeconds}`)
}

/**
 * All tables of the database, by name; those of events last: what vanadium notes of them (positions, how far a purge came) must not be younger
 * than they. Views are none.
 */
export async function backupTables (query: Query): Promise<BackupTable[]> {
  const columns = await query(`SELECT TABLE_NAME AS name, COLUMN_NAME AS \`column\`, DATA_TYPE AS type, EXTRA AS extra
    FROM information_schema.COLUMNS JOIN information_schema.TABLES USING (TABLE_SCHEMA, TABLE_NAME)
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY TABLE_NAME, ORDINAL_POSITION`)
  const names = [...new Set(columns.map(({ name }) => String(name)))].filter(name => !transient.includes(name.toLowerCase()))
  const tables = names.map(name => tableOf(name, columns.filter(column => column['name'] === name)))
  return [...tables.filter(({ style }) => style === 'whole'), ...tables.filter(({ style }) => style !== 'whole')]
}

function tableOf (name: string, rows: ReadonlyArray<Readonly<Record<string, unknown>>>): BackupTable {
  const columns = rows.map(({ column, type }): BackupColumn => ({ name: String(column), kind: kindOf(String(type)) }))
  const style = styleOf(name, columns.map(column => column.name))
  const givesId = style !== 'whole' && rows.some(({ column, extra }) => String(column).toLowerCase() === 'id' && /auto_increment/i.test(String(extra)))
  return { name, style, hasId: style !== 'whole', givesId, columns: sortedByName(columns) }
}

export function styleOf (table: string, columns: readonly string[]): BackupTable['style'] {
  const has = (wanted: string): boolean => columns.some(column => column.toLowerCase() === wanted)
  const found = /_\d+$/.test(table) && !/^vanadium_/i.test(table) && has('id') ? styles.find(({ key, time }) => has(key) && has(time)) : undefined
  return found?.style ?? 'whole'
}

/** The order in which columns are added up, whatever that of the table is. */
export function sortedByName<T extends { readonly name: string }> (columns: readonly T[]): T[] {
  return [...columns].sort((one, other) => one.name < other.name ? -1 : 1)
}

function kindOf (type: string): BackupColumn['kind'] {
  if (/char|text$|^enum$|^set$|^json$/i.test(type)) return 'text'
  return /binary$|blob$|^geometry$|^bit$/i.test(type) ? 'bytes' : 'other'
}

/** A capsule's time that is one, as JavaScript and the server both understand it. */
export const capsuleTime = '^[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]$'

const timeIn = { capsule: '`timestamp`', meta: '`meta_dt`' } as const

/** SQL: the time of a row as a manifest has it, empty without one. */
export function timeExpression ({ style }: BackupTable): string {
  if (style === 'whole') return "''"
  const time = timeIn[style]
  const text = style === 'capsule'
    ? `CONCAT(SUBSTR(${time}, 1, 4), '-', SUBSTR(${time}, 5, 2), '-', SUBSTR(${time}, 7, 2), 'T', SUBSTR(${time}, 9, 2), ':', SUBSTR(${time}, 11, 2), ':', SUBSTR(${time}, 13, 2), 'Z')`
    : `DATE_FORMAT(${time}, '%Y-%m-%dT%H:%i:%sZ')`
  return `IF(${hasTime(style)}, ${text}, '')`
}

function hasTime (style: 'capsule' | 'meta'): string {
  return style === 'capsule' ? `IFNULL(${timeIn.capsule} REGEXP '${capsuleTime}', 0)` : `IFNULL(${timeIn.meta} >= '0001-01-01', 0)`
}

/** SQL: the rows of a day, or of an hour, as a manifest calls it. An index over the time finds them. */
export function rowsOf ({ style }: BackupTable, dayOrHour: string): string {
  if (style === 'whole') return '1 = 1'
  if (dayOrHour === undated) return `NOT ${hasTime(style)}`
  const digits = dayOrHour.replace(/[-T]/g, '')
  if (style === 'capsule') return `${timeIn.capsule} LIKE '${digits}%' AND ${hasTime(style)}`
  const [date, hour] = dayOrHour.split('T')
  return hour === undefined
    ? `${timeIn.meta} BETWEEN '${date ?? ''} 00:00:00' AND '${date ?? ''} 23:59:59'`
    : `${timeIn.meta} BETWEEN '${date ?? ''} ${hour}:00:00' AND '${date ?? ''} ${hour}:59:59'`
}

/** SQL: the key of a row as 32 hex digits, as `numberOfKey` has it. */
export function keyExpression ({ style }: BackupTable): string {
  const key = styles.find(one => one.style === style)?.key
  if (key === undefined) return `'${'0'.repeat(32)}'`
  const quoted = mysqlDialect.quote(key)
  const ascii = (sql: string): string => `CONVERT(${sql} USING ascii)`
  return `CASE WHEN ${quoted} IS NULL THEN ${ascii(`'${'0'.repeat(32)}'`)} WHEN ${quoted} REGEXP '^[0-9A-Fa-f]{32}$' THEN ${ascii(quoted)} ` +
    `WHEN ${quoted} REGEXP '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' THEN ${ascii(`REPLACE(${quoted}, '-', '')`)} ELSE ${ascii(`LEFT(SHA2(CONVERT(${quoted} USING utf8mb4), 256), 32)`)} END`
}

/**
 * SQL: what a row is added up by, as `contentOfRow` has it. Not its `id`: that the database gives, another one after a recovery; nor what is
 * NULL, so that a column that a table gains changes nothing.
 */
export function contentExpression (table: BackupTable): string {
  const parts = summedColumns(table).map(({ name, kind }) => {
    const quoted = mysqlDialect.quote(name)
    const value = kind === 'text' ? `CONVERT(${quoted} USING utf8mb4)` : kind === 'bytes' ? `HEX(${quoted})` : `CAST(${quoted} AS CHAR)`
    return `IFNULL(CONCAT(${tupleOf([`${name}:`]).slice(1, -1)}, OCTET_LENGTH(${value}), ':', ${value}), '')`
  })
  return `SHA2(CONCAT(${[...parts, "''"].join(', ')}), 256)`
}

export function summedColumns<T extends { readonly name: string }> ({ columns, style }: { readonly columns: readonly T[], readonly style: BackupTable['style'] }): readonly T[] {
  return style === 'whole' ? columns : columns.filter(({ name }) => name.toLowerCase() !== 'id')
}
