import { backupTables, contentExpression, keyExpression, rowsOf, setUpSession, type BackupTable, type Query } from '../../../lib/backup/table.js'
import { hoursOfTable } from '../../../lib/backup/hours.js'
import type { Hour } from '../../../lib/backup/manifest.js'
import { numberOfKey } from '../../../lib/backup/sums.js'
import { mysqlDialect } from '../../../lib/sql/ddl.js'
import { tupleOf } from '../../../lib/sql/mysql/literals.js'
import { dateTimeOf } from '../../../lib/sql/catalog.js'

/** The tables of a database as they are now. What was asked once is not asked again. */
export interface LiveTables {
  readonly database: string
  readonly tables: ReadonlyMap<string, BackupTable>
  /** Nothing of a table that is not there. */
  hours (table: string, day: string): Promise<readonly Hour[]>
  /** Days of which there are rows, `undated` left out. */
  days (table: string): Promise<readonly string[]>
  /** The lowest id of a day; null if there is none. */
  firstId (table: string, day: string): Promise<number | null>
  /** Key and content of each row of an hour, both in hex; of `<Schema>_daily` of all of it. */
  rows (table: string, hour: string): Promise<Map<string, string>>
  /** When the table was made, in milliseconds since 1970; NaN if the server does not say. */
  madeMs (table: string): Promise<number>
}

/** Sums of events that are nowhere else any more. */
export function isDaily (table: string): boolean {
  return table.endsWith('_daily')
}

export async function openLiveTables (query: Query, stop: AbortSignal): Promise<LiveTables> {
  await setUpSession(query)
  const [row] = await query('SELECT DATABASE() AS name')
  const tables = new Map((await backupTables(query)).map(table => [table.name, table]))
  const asked = new Map<string, Promise<readonly Hour[]>>()
  const eventTable = (name: string): BackupTable | null => {
    const table = tables.get(name)
    return table === undefined || table.style === 'whole' ? null : table
  }
  return {
    database: String(row?.['name']),
    tables,
    async hours (name, day) {
      const key = JSON.stringify([name, day])
      const table = tables.get(name)
      let hours = asked.get(key)
      if (hours === undefined) asked.set(key, hours = table === undefined ? Promise.resolve([]) : hoursOfTable(query, table, day, stop))
      return await hours
    },
    async days (name) {
      const table = eventTable(name)
      if (table === null) return []
      const rows = await query(`SELECT DISTINCT ${table.style === 'capsule' ? 'LEFT(`timestamp`, 8)' : 'DATE(`meta_dt`)'} AS day FROM ${mysqlDialect.quote(name)}`)
      return rows.flatMap(({ day }) => dateTimeOf(`${String(day)} 00:00:00`)?.slice(0, 10) ?? [])
    },
    async firstId (name, day) {
      const table = eventTable(name)
      if (table === null) return null
      const [row] = await query(`SELECT MIN(id) AS id FROM ${mysqlDialect.quote(name)} WHERE ${rowsOf(table, day)}`)
      return row?.['id'] == null ? null : Number(row['id'])
    },
    async rows (name, hour) {
      const table = tables.get(name)
      if (table === undefined || (table.style === 'whole' && !isDaily(name))) return new Map()
      const key = table.style === 'whole' ? '`digest`' : keyExpression(table)
      const rows = await query(`SELECT ${key} AS \`key\`, ${contentExpression(table)} AS content FROM ${mysqlDialect.quote(name)} WHERE ${rowsOf(table, hour)}`)
      return new Map(rows.map(({ key, content }) => [table.style === 'whole' ? numberOfKey(String(key)).toString(16).padStart(32, '0') : String(key).toLowerCase(), String(content).toLowerCase()]))
    },
    async madeMs (name) {
      const [row] = await query(`SELECT UNIX_TIMESTAMP(CREATE_TIME) AS made FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ${tupleOf([name])}`)
      return row?.['made'] == null ? NaN : Number(row['made']) * 1000
    }
  }
}
