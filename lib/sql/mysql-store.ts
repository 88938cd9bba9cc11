import { ConfigError, messageOf, RecordError } from '../errors.js'
import type { TablePlan } from './columns.js'
import { mysqlDialect } from './ddl.js'
import { classify } from './errors.js'
import { compare, declared, type ExistingColumn } from './existing.js'
import { tupleOf } from './literals.js'
import { insertRows } from './mysql-insert.js'
import type { Link, Session } from './session.js'
import type { Group, Outcome, Store, StoredTable } from './store.js'

/** Tables in MySQL or MariaDB. A row is its text behind `VALUES`. */
export function mysqlStore (session: Session): Store<string> {
  return {
    encode: tupleOf,

    ensure: async plan => await session.run(async link => await ensure(link, plan)),

    insert: async groups => await session.run(async link => {
      try {
        return await insert(link, groups)
      } catch (error) {
        if (classify(error) !== 'schema') throw error
        // somebody dropped a table or a column
        await link.execute('ROLLBACK')
        for (const { table } of groups) await ensure(link, table.plan)
        return await insert(link, groups)
      }
    }),

    close: async () => { await Promise.resolve(session.close()) }
  }
}

async function insert (link: Link, groups: ReadonlyArray<Group<string>>): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  await link.execute('START TRANSACTION')
  for (const group of groups) outcomes.push(await insertRows(link, group))
  await link.execute('COMMIT')
  return outcomes
}

/** Several consumers may change a table at the same moment: who comes second looks again. */
const mostRounds = 10

/** Never within a transaction, which a change of a table would commit. */
async function ensure (link: Link, plan: TablePlan): Promise<StoredTable> {
  for (let round = 0; round < mostRounds; round++) {
    const existing = await describe(link, plan.name)
    const { columns, missing } = compare(plan, existing)
    if (missing.length === 0) return { plan, columns }
    const statements = existing.length === 0 ? mysqlDialect.create(plan) : mysqlDialect.extend(plan.name, missing)
    for (const statement of statements) await change(link, plan.name, statement)
  }
  throw new ConfigError('bad-credentials', `table ${plan.name} does not show the columns it was given; grant SELECT on it`)
}

/** Table, column or key exists. */
const alreadyThere = [1050, 1060, 1061]

/** Too many or too wide columns or keys, no table but a view, or a definition that this server does not know. */
const impossible = [1005, 1022, 1059, 1064, 1067, 1069, 1070, 1071, 1074, 1103, 1117, 1118, 1166, 1273, 1347, 1629, 1709]

async function change (link: Link, table: string, statement: string): Promise<void> {
  try {
    await link.execute(statement)
  } catch (error) {
    const number = numberOf(error)
    if (impossible.includes(number)) throw new RecordError('refused-by-store', `table ${table} cannot be made: ${messageOf(error)}`, { cause: error })
    if (!alreadyThere.includes(number)) throw error
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

const noSuchTable = 1146

function numberOf (error: unknown): number {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number' ? error.errno : 0
}
