import { ConfigError, messageOf, RecordError } from '../errors.js'
import type { TablePlan } from './columns.js'
import { mysqlDialect } from './ddl.js'
import { classify } from './errors.js'
import { compare, declared, type ExistingColumn } from './existing.js'
import { tupleOf } from './literals.js'
import { storeRows } from './mysql-load.js'
import { rowEncoder, type RowBytes } from './row-bytes.js'
import type { Link, Session } from './session.js'
import type { Group, Outcome, Store, StoredTable } from './store.js'

/** Tables in MySQL or MariaDB. A row is its text, the same for `INSERT` and for `LOAD DATA`. */
export function mysqlStore (session: Session): Store<RowBytes> {
  return {
    encode: rowEncoder(),

    ensure: async plan => await session.run(async link => await ensure(link, plan)),

    insert: async (groups, conclude) => await session.run(async link => {
      try {
        return await insert(link, groups, conclude)
      } catch (error) {
        if (classify(error) !== 'schema') throw error
        // the first time, or somebody dropped a table or a column
        await link.execute('ROLLBACK')
        await link.execute(memoryTable)
        for (const { table } of groups) await ensure(link, table.plan)
        return await insert(link, groups, conclude)
      }
    }),

    recall: async state => await session.run(async link => {
      try {
        const [row] = await link.query(`SELECT memory FROM vanadium_positions WHERE state IN ${tupleOf([state])}`)
        return row === undefined ? null : String(row['memory'])
      } catch (error) {
        if (numberOf(error) === noSuchTable) return null
        throw error
      }
    }),

    close: async () => { await Promise.resolve(session.close()) }
  }
}

type Conclude = Parameters<Store<RowBytes>['insert']>[1]

/** Made when it is first needed. */
const memoryTable = `
  CREATE TABLE IF NOT EXISTS vanadium_positions (
    state CHAR(16) NOT NULL PRIMARY KEY COMMENT 'Identity of the state of a consumer',
    instance VARCHAR(255) NOT NULL COMMENT 'The consumer, for people',
    memory MEDIUMTEXT NOT NULL COMMENT 'JSON: how far its inputs are stored',
    time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
  ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT='Written with the rows, so that none is missed or stored twice'`

async function insert (link: Link, groups: ReadonlyArray<Group<RowBytes>>, conclude: Conclude): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  await link.execute('START TRANSACTION')
  for (const group of groups) outcomes.push(await storeRows(link, group, outcomes.length === 0))
  const row = await conclude(outcomes)
  if (row !== null) {
    await link.execute(`INSERT INTO vanadium_positions (state, instance, memory) VALUES ${tupleOf([row.state, row.instance, row.memory])}
      ON DUPLICATE KEY UPDATE instance = VALUES(instance), memory = VALUES(memory)`)
  }
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
