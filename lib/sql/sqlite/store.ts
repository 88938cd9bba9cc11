import type Database from 'better-sqlite3'
import { messageOf, RecordError } from '../../errors.js'
import type { Context } from '../../stream/contracts.js'
import type { Column, TablePlan } from '../columns.js'
import { sqliteDialect } from '../ddl.js'
import { classify } from '../errors.js'
import { compare, declared } from '../existing.js'
import type { MemoryRow } from '../memory.js'
import type { Patience } from '../patience.js'
import { RegistryCopy, type Copy } from '../registry-copy.js'
import { StaleViews } from '../stale-views.js'
import type { Group, Outcome, Store, StoredTable } from '../store.js'
import type { SqlValue } from '../values.js'
import { copyDescriptions } from './described.js'
import { addToCounts, register } from './schemas.js'
import { refreshView } from './views.js'

const { quote } = sqliteDialect

/** Tables in one SQLite database. Everything blocks the process for as long as it takes. */
export function sqliteStore (db: Database.Database, patience: Patience, ctx: Context): Store<SqlValue[]> {
  const stale = new StaleViews(ctx.log, plans => {
    alone(async () => {
      const retry = db.transaction(() => { for (const plan of plans) tryView(plan) })
      await Promise.resolve(retry.immediate())
    }).catch(() => {})
  })
  const statements = new WeakMap<readonly Column[], Database.Statement<unknown[]>>()

  function statementFor ({ plan, columns }: StoredTable): Database.Statement<unknown[]> {
    let statement = statements.get(columns)
    if (statement === undefined) {
      const names = columns.map(column => quote(column.name)).join(',')
      const places = columns.map(() => '?').join(',')
      statement = db.prepare(`INSERT INTO ${quote(plan.name)} (${names}) VALUES (${places}) ON CONFLICT (${quote(plan.key)}) DO NOTHING`)
      statements.set(columns, statement)
    }
    return statement
  }

  /** Other work waits: it would be part of the transaction. */
  async function insertAll (groups: ReadonlyArray<Group<SqlValue[]>>, conclude: Conclude): Promise<Outcome[]> {
    db.exec('BEGIN IMMEDIATE')
    try {
      const outcomes = groups.map(group => insertRows(statementFor(group.table), group))
      const row = await conclude(outcomes)
      if (row !== null) keep(db, row)
      addToCounts(db, groups, outcomes)
      db.exec('COMMIT')
      return outcomes
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK')
      throw error
    }
  }

  let queue: Promise<unknown> = Promise.resolve()
  async function alone<T> (work: () => Promise<T>): Promise<T> {
    const turn = queue.then(async () => await patience.persist(work))
    queue = turn.catch(() => {})
    return await turn
  }

  const refresh = db.transaction((plan: TablePlan) => { refreshView(db, plan) })

  /** Within a transaction. */
  function tryView (plan: TablePlan): void {
    try {
      refresh(plan)
      stale.done(plan)
    } catch (error) {
      if (classify(error) !== 'schema') throw error
      stale.failed(plan, error)
    }
  }

  const ensureTable = db.transaction((plan: TablePlan) => {
    const table = ensure(db, plan)
    if (plan.isListed) tryView(plan)
    return table
  })

  const copyAll = db.transaction((...args: Parameters<Copy>) => { copyDescriptions(db, ...args) })
  const copy = new RegistryCopy(ctx, async (...args) => await alone(async () => { await Promise.resolve(copyAll.immediate(...args)) }))
  copy.all()

  return {
    encode: values => values,

    async ensure (plan) {
      const table = await alone(async () => await Promise.resolve(ensureTable.immediate(plan)))
      if (plan.isListed) copy.seen(plan.schema)
      return table
    },

    insert: async (groups, conclude) => await alone(async () => {
      try {
        return await insertAll(groups, conclude)
      } catch (error) {
        if (classify(error) !== 'schema') throw error
        // the first time, or somebody dropped a table or a column
        db.exec(memoryTable)
        for (const { table } of groups) ensureTable.immediate(table.plan)
        return await insertAll(groups, conclude)
      }
    }),

    recall: async state => await alone(async () => await Promise.resolve(recall(db, state))),

    close: async () => {
      copy.close()
      stale.close()
      patience.end()
      await Promise.resolve(db.close())
    }
  }
}

type Conclude = Parameters<Store<SqlValue[]>['insert']>[1]

const memoryTable = `
  CREATE TABLE IF NOT EXISTS vanadium_positions (
    state TEXT PRIMARY KEY, instance TEXT NOT NULL, memory TEXT NOT NULL, time TEXT NOT NULL
  ) STRICT`

function keep (db: Database.Database, { state, instance, memory }: MemoryRow): void {
  db.prepare('INSERT OR REPLACE INTO vanadium_positions VALUES (?, ?, ?, datetime())').run(state, instance, memory)
}

function recall (db: Database.Database, state: string): string | null {
  db.exec(memoryTable)
  return db.prepare<[string], { memory: string }>('SELECT memory FROM vanadium_positions WHERE state = ?').get(state)?.memory ?? null
}

function insertRows (statement: Database.Statement<unknown[]>, { rows, table }: Group<SqlValue[]>): Outcome {
  const refused: Array<{ row: number, error: RecordError }> = []
  let inserted = 0
  rows.forEach((row, at) => {
    try {
      inserted += statement.run(row).changes
    } catch (error) {
      if (classify(error) !== 'row') throw error
      refused.push({ row: at, error: new RecordError('refused-by-store', `the database refuses the event: ${messageOf(error)}`, { cause: error, table: table.plan.name }) })
    }
  })
  return { inserted, duplicates: rows.length - inserted - refused.length, refused }
}

function ensure (db: Database.Database, plan: TablePlan): StoredTable {
  const rows = db.prepare<[string], { name: string, type: string }>('SELECT name, type FROM pragma_table_info(?)').all(plan.name)
  const { columns, missing } = compare(plan, rows.map(({ name, type }) => declared(name, type)))
  if (missing.length > 0) {
    try {
      for (const statement of rows.length === 0 ? sqliteDialect.create(plan) : [...sqliteDialect.extend(plan.name, missing), ...sqliteDialect.index(plan.name, missing, [])]) db.exec(statement)
    } catch (error) {
      throw classify(error) === 'schema' ? new RecordError('refused-by-store', `table ${plan.name} cannot be made: ${messageOf(error)}`, { cause: error }) : error
    }
  }
  if (plan.isListed) register(db, plan, rows.length === 0)
  return { plan, columns, lacking: [] }
}
