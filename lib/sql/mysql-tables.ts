import { ConfigError, messageOf, RecordError } from '../errors.js'
import type { Log } from '../log.js'
import type { Column, TablePlan } from './columns.js'
import { mysqlDialect } from './ddl.js'
import { classify, noSuchTable, numberOf } from './errors.js'
import { compare, declared, type ExistingColumn } from './existing.js'
import { register } from './mysql-schemas.js'
import { refreshView } from './mysql-views.js'
import type { Link, Session } from './session.js'
import { StaleViews } from './stale-views.js'
import type { Store, StoredTable } from './store.js'

export interface MysqlTables {
  readonly ensure: Store<unknown>['ensure']
  /** Makes a schema's view when the work that waits is done. */
  viewLater (plan: TablePlan): void
  close (): void
}

/** Makes tables, and gives them columns, while rows flow into others; indexes follow while rows flow into the table itself. */
export function mysqlTables (log: Log, { tables, indexes }: { readonly tables: Session, readonly indexes: Session }): MysqlTables {
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

  return {
    viewLater,
    ensure: async plan => await tables.run(async link => {
      const table = await ensure(link, plan, added => { void addIndexes(plan.name, added) })
      await tryView(link, plan)
      return table
    }),
    close: () => { stale.close() }
  }
}

/** A connection learns of new privileges when it chooses its database. */
async function reuse (link: Link): Promise<void> {
  const [row] = await link.query('SELECT DATABASE() AS name')
  await link.execute(`USE ${mysqlDialect.quote(String(row?.['name']))}`)
}

/** Whether the connection goes on after an error about a view. */
function spares (error: unknown): boolean {
  const lost = error instanceof Error && 'fatal' in error && error.fatal === true
  return numberOf(error) > 0 && !lost && (classify(error) !== 'wait' || [1205, 1213].includes(numberOf(error)))
}

/** Several consumers may change a table at the same moment: who comes second looks again. */
const mostRounds = 10

/**
 * Never within a transaction, which a change of a table would commit. `onAdded` is told the columns that an existing table was given,
 * which have no index yet.
 */
export async function ensure (link: Link, plan: TablePlan, onAdded: (columns: readonly Column[]) => void = () => {}): Promise<StoredTable> {
  let isNew = false
  for (let round = 0; round < mostRounds; round++) {
    const existing = await describe(link, plan.name)
    const { columns, missing } = compare(plan, existing)
    if (missing.length === 0) {
      await register(link, plan, isNew)
      return { plan, columns }
    }
    isNew ||= existing.length === 0
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

const tooWide = 1118
const hint = '; give the schema fewer fields, or set innodb_strict_mode=OFF on the server and all its replicas'

const lockWaitTimeout = 1205

async function change (link: Link, table: string, statement: string): Promise<boolean> {
  try {
    await link.requireWritable()
    await link.execute(statement)
    return true
  } catch (error) {
    const number = numberOf(error)
    if (alreadyThere.includes(number)) return false
    if (impossible.includes(number)) throw new RecordError('refused-by-store', `table ${table} cannot be made: ${messageOf(error)}${number === tooWide ? hint : ''}`, { cause: error })
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
