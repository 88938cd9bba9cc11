import type Database from 'better-sqlite3'
import { instancesIn, openForReading } from '../journal/databases.js'

/** What a SQL store has got of a time. */
export interface Store {
  /** Its URI, as the ledger calls it. */
  readonly name: string
  /** Since when there are books, in milliseconds since 1970. */
  readonly beganMs: number
  /** Rows by schema; event errors are rows of `EventError`. */
  readonly inserted: ReadonlyMap<string, number>
}

interface Row { readonly store: string, readonly schema: string, readonly count: number }
interface Beginning { readonly store: string, readonly beganMs: number }

const ofStores = "side = 'output' AND (stream LIKE 'mysql:%' OR stream LIKE 'sqlite:%')"

/** From the ledgers of all consumers, by name. Several may write to one store: what is a duplicate to one the other has inserted. */
export function storesIn (directory: string, { fromMs, toMs }: { readonly fromMs: number, readonly toMs: number }): Store[] {
  const stores = new Map<string, { name: string, beganMs: number, inserted: Map<string, number> }>()
  for (const db of consumersIn(directory)) {
    for (const { store, beganMs } of db.prepare<[], Beginning>(`SELECT stream AS store, min(minute) AS beganMs FROM ledger WHERE ${ofStores} GROUP BY stream`).all()) {
      const { inserted, ...there } = stores.get(store) ?? { name: store, beganMs, inserted: new Map<string, number>() }
      stores.set(store, { ...there, beganMs: Math.min(there.beganMs, beganMs), inserted })
    }
    const rows = db.prepare<[number, number], Row>(`SELECT stream AS store, schema, sum(count) AS count FROM ledger WHERE minute >= ? AND minute < ? AND ${ofStores} AND fate = 'passed' GROUP BY stream, schema`)
    for (const { store, schema, count } of rows.all(fromMs, toMs)) {
      const inserted = stores.get(store)?.inserted
      inserted?.set(schema, (inserted.get(schema) ?? 0) + count)
    }
  }
  return [...stores.values()].sort((a, b) => a.name.localeCompare(b.name))
}

function * consumersIn (directory: string): Generator<Database.Database> {
  for (const instance of instancesIn(directory)) {
    const state = instance.startsWith('consumer-') && !instance.includes('.damaged-') ? openForReading(directory, instance) : null
    if (state === null) continue
    try {
      yield state.db
    } finally {
      state.db.close()
    }
  }
}
