import { ConfigError, RecordError } from '../../errors.js'
import type { Context } from '../../stream/contracts.js'
import type { Column, TablePlan } from '../columns.js'
import { mysqlDialect } from '../ddl.js'
import { noSuchTable, numberOf } from '../errors.js'
import { compare, declared, type ExistingColumn } from '../existing.js'
import { RegistryCopy } from '../registry-copy.js'
import { StaleViews } from '../stale-views.js'
import type { Lacking, Store, StoredTable } from '../store.js'
import { alter, change, instantly } from './alter.js'
import { copyDescriptions } from './described.js'
import { mysqlIndexes } from './indexes.js'
import type { LeaseKeeper } from './lease.js'
import { register } from './schemas.js'
import type { Link, Session } from './session.js'
import { refreshView } from './views.js'

export interface MysqlTables {
  readonly ensure: Store<unknown>['ensure']
  /** The table as somebody else has made it; null if there is none, or it lacks a column. */
  find (plan: TablePlan): Promise<StoredTable | null>
  close (): Promise<void>
}

/** Makes tables, and gives them columns, while rows flow into others; indexes follow while rows flow into the table itself. */
export function mysqlTables (ctx: Context, tables: Session, indexSession: Session, lease: Pick<LeaseKeeper, 'writes' | 'onTaken'> | null = null): MysqlTables {
  const { log } = ctx
  const indexes = mysqlIndexes(log, indexSession)
  const stale = new StaleViews(log, plans => { plans.forEach(viewLater) })

  function viewLater (plan: TablePlan): void {
    tables.run(async link => {
      await reuse(link)
      await tryView(link, plan)
      // what is thrown, the next work throws again
    }).catch(() => {})
  }

  /** Throws only what the connection does not survive. */
  async function tryView (link: Link, plan: TablePlan): Promise<void> {
    try {
      await refreshView(link, plan)
      stale.done(plan)
    } catch (error) {
      if (!spares(error)) throw error
      stale.failed(plan, error)
      await link.execute('ROLLBACK')
    }
  }

  const copy = new RegistryCopy(ctx, async (describe, schemas) => {
    // one that stands by does that when it has the lease
    if (lease?.writes === false) return
    const failure: unknown = await tables.run(async link => {
      try {
        await copyDescriptions(link, describe, schemas)
        return null
      } catch (error) {
        if (!spares(error)) throw error
        return error
      }
    })
    if (failure !== null) throw failure
  })
  copy.all()
  lease?.onTaken(() => { copy.all() })

  return {
    async ensure (plan) {
      const table = await tables.run(async link => {
        const table = await ensure(link, plan, added => { indexes.add(plan.name, added) })
        await indexes.compare(link, plan)
        if (plan.isListed) await tryView(link, plan)
        return table
      })
      if (plan.isListed) copy.seen(plan.schema)
      return table
    },
    find: async plan => await tables.run(async link => {
      const { columns, missing } = compare(plan, await describe(link, plan.name))
      return missing.length === 0 ? { plan, columns, lacking: [] } : null
    }),
    async close () {
      copy.close()
      stale.close()
      await indexes.close()
      tables.close()
    }
  }
}

/** A connection learns of new privileges when it chooses its database. */
async function reuse (link: Link): Promise<void> {
  const [row] = await link.query('SELECT DATABASE() AS name')
  await link.execute(`USE ${mysqlDialect.quote(String(row?.['name']))}`)
}

/** Whether the connection goes on after an error about a view, or the copy of the registry: rows do not wait for what is wrong with these. */
function spares (error: unknown): boolean {
  const lost = error instanceof Error && 'fatal' in error && error.fatal === true
  return numberOf(error) > 0 && !lost
}

/** Several consumers may change a table at the same moment: who comes second looks again. */
const mostRounds = 10

/**
 * Never within a transaction, which a change of a table would commit. `onAdded` is told the columns that an existing table was given,
 * which have no index yet.
 */
async function ensure (link: Link, plan: TablePlan, onAdded: (columns: readonly Column[]) => void): Promise<StoredTable> {
  let isNew = false
  const lacking: Lacking[] = []
  const isLacking = ({ name }: Column): boolean => lacking.some(({ column }) => column.name === name)
  for (let round = 0; round < mostRounds; round++) {
    const existing = await describe(link, plan.name)
    const { columns, missing } = compare(plan, existing)
    const due = missing.filter(column => !isLacking(column))
    if (due.length === 0) {
      if (plan.isListed) await register(link, plan, isNew)
      return { plan, columns: columns.filter(column => !isLacking(column)), lacking }
    }
    isNew ||= existing.length === 0
    if (existing.length > 0) lacking.push(...await extend(link, plan, due, onAdded))
    else for (const statement of mysqlDialect.create(plan)) await change(link, plan.name, statement)
  }
  throw new ConfigError('bad-credentials', `table ${plan.name} does not show the columns it was given; grant SELECT on it`)
}

/** Returns the columns that the server does not give to the table. Throws `RecordError` if it cannot do without one of them. */
async function extend (link: Link, plan: TablePlan, missing: readonly Column[], onAdded: (columns: readonly Column[]) => void): Promise<Lacking[]> {
  try {
    for (const statement of mysqlDialect.extend(plan.name, missing)) {
      if (await alter(link, plan.name, statement, instantly)) onAdded(missing)
    }
    return []
  } catch (error) {
    if (!(error instanceof RecordError) || missing.some(({ name }) => name === plan.key || name === plan.time)) throw error
    const [column, ...others] = missing
    if (column !== undefined && others.length === 0) return [{ column, error }]
    // one that has no room must not keep out the others
    const lacking: Lacking[] = []
    for (const column of missing) lacking.push(...await extend(link, plan, [column], onAdded))
    return lacking
  }
}

/** No columns when there is no table. */
async function describe (link: Link, table: string): Promise<ExistingColumn[]> {
  try {
    const rows = await link.query(`SHOW COLUMNS FROM ${mysqlDialect.quote(table)}`)
    return rows.map(({ Field, Type }) => declared(String(Field), String(Type)))
  } catch (error) {
    if (numberOf(error) === noSuchTable) return []
    throw error
  }
}
