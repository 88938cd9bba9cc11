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
  /**
   * Says, some time later, which indexes a table still lacks that is there already: another consumer may be making them now. If nobody
   * is, somebody should choose the hour: on a large table, and its replicas, it takes hours.
   */
  compare (link: Link, plan: TablePlan): Promise<void>
  close (): Promise<void>
}

/** Makes indexes while rows flow into their tables: a column without its index works, so nobody waits. */
export function mysqlIndexes (log: Log, session: Session, lookAgainMs = 60_000): MysqlIndexes {
  const making = new Map<string, Promise<void>>()
  /** Tables that lacked an index when they were looked at. */
  const doubtful = new Map<string, TablePlan>()
  let timer: NodeJS.Timeout | undefined

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

  async function lacking (link: Link, plan: TablePlan): Promise<string[]> {
    const rows = await link.query(`SHOW INDEX FROM ${mysqlDialect.quote(plan.name)}`)
    const found = new Map<string, string[]>()
    for (const { Key_name: key, Column_name: column } of rows) found.set(String(key), [...found.get(String(key)) ?? [], String(column)])
    const has = (...columns: string[]): boolean => [...found.values()].some(key => columns.every((column, at) => key[at] === column))
    return mysqlDialect.index(plan.name, plan.columns.filter(({ name }) => !has(name)), plan.indexes.filter(({ columns }) => !has(...columns)))
      .filter(statement => !making.has(statement))
  }

  function lookAgain (): void {
    timer = undefined
    const plans = [...doubtful.values()]
    doubtful.clear()
    session.run(async link => {
      for (const plan of plans) {
        for (const statement of await lacking(link, plan)) log.warn('a table lacks an index that queries need; make it when the hour is right', { table: plan.name, statement })
      }
      // what is thrown says nothing about the index: the next start looks again
    }).catch(() => {})
  }

  return {
    add (table, columns) {
      for (const statement of mysqlDialect.index(table, columns, [])) making.set(statement, make(table, statement))
    },

    async compare (link, plan) {
      if ((await lacking(link, plan)).length === 0) return
      doubtful.set(plan.name, plan)
      timer ??= setTimeout(lookAgain, lookAgainMs).unref()
    },

    async close () {
      clearTimeout(timer)
      await Promise.race([Promise.all(making.values()), sleep(graceMs, undefined, { ref: false })])
      session.close()
    }
  }
}
