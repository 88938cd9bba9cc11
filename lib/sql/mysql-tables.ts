import { ConfigError, messageOf, RecordError } from '../errors.js'
import type { Context } from '../stream/contracts.js'
import type { Column, TablePlan } from './columns.js'
import { mysqlDialect } from './ddl.js'
import { noSuchTable, numberOf } from './errors.js'
import { compare, declared, type ExistingColumn } from './existing.js'
import type { Link, Session } from './session.js'
import type { Store, StoredTable } from './store.js'

/** Makes tables, and gives them columns, while rows flow into others; indexes follow while rows flow into the table itself. */
export function mysqlTables ({ log }: Pick<Context, 'log'>, { tables, indexes }: { readonly tables: Session, readonly indexes: Session }): Store<unknown>['ensure'] {
  /** A column without its index works, so nobody waits; an index that cannot be made is somebody's to decide. */
  async function addIndexes (table: string, columns: readonly Column[]): Promise<void> {
    for (const statement of mysqlDialect.index(table, columns)) {
      log.info('an index is being made', { table, statement })
      try {
        await indexes.run(async link => { await alter(link, table, statement, online) })
        log.info('the index is made', { table, statement })
      } catch (error) {
        log.error('an index cannot be made; make it by hand', { table, statement, reason: messageOf(error) })
      }
    }
  }

  return async plan => await tables.run(async link => await ensure(link, plan, added => { void addIndexes(plan.name, added) }))
}

/** Several consumers may change a table at the same moment: who comes second looks again. */
const mostRounds = 10

/**
 * Never within a transaction, which a change of a table would commit. `onAdded` is told the columns that an existing table was given,
 * which have no index yet.
 */
export async function ensure (link: Link, plan: TablePlan, onAdded: (columns: readonly Column[]) => void = () => {}): Promise<StoredTable> {
  for (let round = 0; round < mostRounds; round++) {
    const existing = await describe(link, plan.name)
    const { columns, missing } = compare(plan, existing)
    if (missing.length === 0) return { plan, columns }
    if (existing.length === 0) {
      for (const statement of mysqlDialect.create(plan)) await change(link, plan.name, statement)
    } else {
      for (const statement of mysqlDialect.extend(plan.name, missing)) {
        if (await alter(link, plan.name, statement, instantly)) onAdded(missing)
      }
    }
  }
  throw new ConfigError('bad-credentials', `table ${plan.name} does not show the columns it was given; grant SELECT on it`)
}

/** Ways to change a table, the one that disturbs least first; not every server and every table knows each. */
const online = [', ALGORITHM=INPLACE, LOCK=NONE', ''] as const
const instantly = [', ALGORITHM=INSTANT', ...online] as const

/** Unknown algorithm, algorithm or lock not possible here, unknown word. */
const otherWay = [1800, 1845, 1846, 1064]

/** False if somebody else has done it meanwhile. */
async function alter (link: Link, table: string, statement: string, ways: readonly string[]): Promise<boolean> {
  for (const way of ways.slice(0, -1)) {
    try {
      return await change(link, table, statement + way)
    } catch (error) {
      const cause = error instanceof RecordError ? error.cause : error
      if (!otherWay.includes(numberOf(cause))) throw error
    }
  }
  return await change(link, table, statement + (ways.at(-1) ?? ''))
}

/** Table, column or key exists. */
const alreadyThere = [1050, 1060, 1061]

/** Too many or too wide columns or keys, no table but a view, or a definition that this server does not know. */
const impossible = [1005, 1022, 1059, 1064, 1067, 1069, 1070, 1071, 1074, 1103, 1117, 1118, 1166, 1273, 1347, 1629, 1709]

const lockWaitTimeout = 1205

async function change (link: Link, table: string, statement: string): Promise<boolean> {
  try {
    await link.execute(statement)
    return true
  } catch (error) {
    const number = numberOf(error)
    if (alreadyThere.includes(number)) return false
    if (impossible.includes(number)) throw new RecordError('refused-by-store', `table ${table} cannot be made: ${messageOf(error)}`, { cause: error })
    if (number !== lockWaitTimeout) throw error
    throw Object.assign(new Error(`table ${table} cannot be altered while a transaction of somebody else uses it (SHOW PROCESSLIST shows whose); rows of its schema wait`, { cause: error }), { errno: number })
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
