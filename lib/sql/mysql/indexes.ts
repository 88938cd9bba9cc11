import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, StreamError } from '../../errors.js'
import type { Log } from '../../log.js'
import type { Column, TablePlan } from '../columns.js'
import { mysqlDialect } from '../ddl.js'
import { alter, online } from './alter.js'
import type { Link, Session } from './session.js'

/** How long a stop waits for indexes that are being made, in milliseconds; the daemon's own deadline is 20 s. */
const graceMs = 5000

export interface MysqlIndexes {
  /** Begins to make the indexes of columns that a table was just given. */
  add (table: string, columns: readonly Column[]): void
  /** Says which indexes a table lacks that is there already: on a large one, and its replicas, somebody should choose the hour. */
  compare (link: Link, plan: TablePlan): Promise<void>
  close (): Promise<void>
}

/** Makes indexes while rows flow into their tables: a column without its index works, so nobody waits. */
export function mysqlIndexes (log: Log, session: Session): MysqlIndexes {
  const making = new Map<string, Promise<void>>()

  async function make (table: string, statement: string): Promise<void> {
    log.info('an index is being made', { table, statement })
    try {
      await session.run(async link => { await alter(link, table, statement, online) })
      log.info('the index is made', { table, statement })
    } catch (error) {
      if (error instanceof StreamError && error.code === 'stopped') log.warn('stopped while an index was being made; SHOW INDEX tells whether the server has finished it', { table, statement })
      else log.error('an index cannot be made; make it by hand', { table, statement, reason: messageOf(error) })
    }
    making.delete(statement)
  }

  return {
    add (table, columns) {
      for (const statement of mysqlDialect.index(table, columns, [])) making.set(statement, make(table, statement))
    },

    async compare (link, plan) {
      const rows = await link.query(`SHOW INDEX FROM ${mysqlDialect.quote(plan.name)}`)
      const found = new Map<string, string[]>()
      for (const { Key_name: key, Column_name: column } of rows) found.set(String(key), [...found.get(String(key)) ?? [], String(column)])
      const has = (...columns: string[]): boolean => [...found.values()].some(key => columns.every((column, at) => key[at] === column))
      const lacking = mysqlDialect.index(plan.name, plan.columns.filter(({ name }) => !has(name)), plan.indexes.filter(({ columns }) => !has(...columns)))
      for (const statement of lacking.filter(statement => !making.has(statement))) {
        log.warn('a table lacks an index that queries need; make it when the hour is right', { table: plan.name, statement })
      }
    },

    async close () {
      await Promise.race([Promise.all(making.values()), sleep(graceMs, undefined, { ref: false })])
      session.close()
    }
  }
}
