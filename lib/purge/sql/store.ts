import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError, messageOf } from '../../errors.js'
import type { SchemaRepository } from '../../event/schemas.js'
import type { Log } from '../../log.js'
import type { PurgeStore, Rules, Work } from '../store.js'
import { createAnonymise, type Anonymise } from './anonymise.js'
import type { PurgeDatabase } from './database.js'
import { eventTables, type EventTable } from './event-tables.js'
import { Pace, type PaceOptions } from './pace.js'
import { planTable } from './plan.js'
import { policyOf } from './policy.js'
import { Progress } from './progress.js'
import { proveTable } from './prove.js'
import { TablePurge } from './table-purge.js'

export interface SqlPurgeOptions {
  /** Tells which column is of which field. */
  readonly schemas: Pick<SchemaRepository, 'list'>
  readonly log: Log
  readonly pace?: PaceOptions
  /** Resolves when nobody is too far behind, or `stop` is aborted. Throws when that is waited for in vain. */
  readonly calm?: (stop: AbortSignal) => Promise<void>
}

/** How long a database that is away is waited for. */
const mostWaitMs = 120_000
const retryMs = 500

/** Purges the tables of a database, one after the other. What is wrong with one does not keep the others; it is thrown at the end. */
export function sqlPurgeStore (db: PurgeDatabase, { schemas, log, pace: paceOptions, calm = async () => {} }: SqlPurgeOptions): PurgeStore {
  async function * overTables<T> (work: (table: EventTable) => AsyncIterable<T>): AsyncGenerator<T> {
    const wrong: unknown[] = []
    for (const table of await explained(db, async () => await eventTables(db, schemas))) {
      try {
        yield * work(table)
      } catch (cause) {
        const error = db.explain(cause)
        if (!(error instanceof ConfigError)) throw error
        log.error('a table cannot be purged; the others are', { store: db.name, table: table.name, reason: error.message })
        wrong.push(error)
      }
    }
    if (wrong.length > 0) throw wrong[0]
  }

  /** Goes on where it was when the database has been away, or others had locked what it needs. */
  async function * patiently (table: EventTable, pace: Pace, stop: AbortSignal, attempt: () => AsyncIterable<Work>): AsyncGenerator<Work> {
    for (let waitingMs = 0; !stop.aborted;) {
      try {
        for await (const work of attempt()) {
          waitingMs = 0
          yield work
        }
        return
      } catch (error) {
        const remedy = db.remedyOf(error)
        if (remedy === 'none' || waitingMs > mostWaitMs) throw error
        log.warn('the purge waits and goes on', { store: db.name, table: table.name, reason: messageOf(error) })
        if (remedy === 'smaller') pace.shrink()
        waitingMs += retryMs
        await sleep(retryMs, undefined, { signal: stop }).catch(() => {})
      }
    }
  }

  return {
    name: db.name,

    plan: rules => overTables(table => planTable(db, table, policyOf(table, rules))),

    async * purge (rules: Rules, stop: AbortSignal) {
      await explained(db, async () => { await db.requireWritable() })
      const progress = new Progress(db, randomBytes(16).toString('hex'))
      await explained(db, async () => { await progress.begin() })
      const anonymise: Anonymise = createAnonymise(randomBytes(32))
      const pace = new Pace(paceOptions)
      let hasChanged = false
      for await (const work of overTables(table => {
        const purge = new TablePurge(db, table, policyOf(table, rules), { progress, pace, anonymise, calm, stop })
        return patiently(table, pace, stop, () => purge.run())
      })) {
        hasChanged = true
        yield work
      }
      if (hasChanged) await db.tidy()
    },

    prove: rules => overTables(table => proveTable(db, table, policyOf(table, rules), rules.nowMs)),

    close: async () => { await db.close() }
  }
}

async function explained<T> (db: PurgeDatabase, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw db.explain(error)
  }
}
