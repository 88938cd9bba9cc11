import type { Leftover } from '../store.js'
import type { PurgeDatabase } from './database.js'
import type { EventTable } from './event-tables.js'
import { lookAt } from './plan.js'
import type { TablePolicy } from './policy.js'
import { ageOf } from './times.js'

/** What of a table should not be there. Rows whose time nobody can tell are as old as no other. */
export async function * proveTable (db: PurgeDatabase, table: EventTable, policy: TablePolicy, nowMs: number): AsyncGenerator<Leftover> {
  const { rows, fields, oldest } = await lookAt(db, table, policy)
  if (rows === 0) return
  yield { place: table.name, schema: table.schema, rows, oldestDays: oldest === null ? policy.days : ageOf(oldest, nowMs), fields: [...fields] }
}
