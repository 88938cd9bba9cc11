import type { PurgeDatabase } from './database.js'
import type { EventTable } from './event-tables.js'
import type { TablePolicy } from './policy.js'
import { joined } from './select.js'

const sampleRows = 1000

/** Bytes that one row of those that are to be changed will lose, on average: of its values, without indexes and what is lost between them. */
export async function bytesPerRow (db: PurgeDatabase, table: EventTable, policy: TablePolicy): Promise<number> {
  const columns = policy.mode === 'delete' ? table.columns.map(({ name }) => name) : policy.nulled
  if (columns.length === 0) return 0
  const length = joined(columns.map(name => `COALESCE(LENGTH(${db.quote(name)}), 0)`), '+')
  const [row] = await db.query(`SELECT AVG(bytes) AS bytes FROM (SELECT ${length} AS bytes FROM ${db.quote(table.name)} ORDER BY id LIMIT ${sampleRows}) AS sampled`)
  return Number(row?.['bytes'] ?? 0)
}
