import { RecordError } from '../../errors.js'
import type { Context } from '../../stream/contracts.js'
import { classify, noSuchTable, numberOf } from '../errors.js'
import type { Group, Outcome, Store } from '../store.js'
import { tupleOf } from './literals.js'
import { storeRows } from './load.js'
import { rowEncoder, type RowBytes } from './row-bytes.js'
import { addToCounts } from './schemas.js'
import type { Link, Session } from './session.js'
import { mysqlTables } from './tables.js'

/** Connections of their own, so that rows need not wait until a table is altered, nor a table for another's index. */
export interface MysqlSessions {
  readonly rows: Session
  readonly tables: Session
  readonly indexes: Session
}

/** Tables in MySQL or MariaDB. A row is its text, the same for `INSERT` and for `LOAD DATA`. */
export function mysqlStore (ctx: Context, sessions: MysqlSessions): Store<RowBytes> {
  const session = sessions.rows
  const tables = mysqlTables(ctx, sessions.tables, sessions.indexes)

  /** Makes what the groups need; returns those whose table cannot be made, and why. */
  async function repair (groups: ReadonlyArray<Group<RowBytes>>): Promise<Refusals> {
    const refusals: Refusals = new Map()
    for (const group of groups) {
      try {
        const { lacking } = await tables.ensure(group.table.plan)
        const lost = lacking.find(({ column }) => group.table.columns.some(({ name }) => name === column.name))
        if (lost !== undefined) refusals.set(group, lost.error)
      } catch (error) {
        if (!(error instanceof RecordError)) throw error
        refusals.set(group, error)
      }
    }
    return refusals
  }

  return {
    encode: rowEncoder(),

    ensure: tables.ensure,

    insert: async (groups, conclude) => await session.run(async link => {
      const makeMemory = async (): Promise<Refusals> => {
        await link.execute(memoryTable)
        return new Map()
      }
      let refusals: Refusals = new Map()
      // the first time the table of positions lacks, and a table of rows that is locked need not be looked at; or somebody dropped
      // a table or a column
      for (const mend of [makeMemory, async () => await repair(groups)]) {
        try {
          return await insert(link, groups, conclude, refusals)
        } catch (error) {
          if (classify(error) !== 'schema') throw error
          await link.execute('ROLLBACK')
          refusals = await mend()
        }
      }
      return await insert(link, groups, conclude, refusals)
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

    close: async () => {
      await tables.close()
      session.close()
    }
  }
}

/** Bytes of what is stored with each load: more costs more than rows that come again after a crash. */
const longestMemory = 256 << 10

type Conclude = Parameters<Store<RowBytes>['insert']>[1]

/** Made when it is first needed. */
const memoryTable = `
  CREATE TABLE IF NOT EXISTS vanadium_positions (
    state CHAR(16) NOT NULL PRIMARY KEY COMMENT 'Identity of the state of a consumer',
    instance VARCHAR(255) NOT NULL COMMENT 'The consumer, for people',
    memory MEDIUMTEXT NOT NULL COMMENT 'JSON: how far its inputs are stored',
    time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
  ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT='Written with the rows, so that none is missed or stored twice'`

type Refusals = Map<Group<RowBytes>, RecordError>

async function insert (link: Link, groups: ReadonlyArray<Group<RowBytes>>, conclude: Conclude, refusals: Refusals): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  await link.requireWritable()
  await link.execute('START TRANSACTION')
  for (const group of groups) {
    const error = refusals.get(group)
    if (error !== undefined) outcomes.push({ inserted: 0, duplicates: 0, refused: group.rows.map((_, row) => ({ row, error })) })
    else outcomes.push(await storeRows(link, group, outcomes.length === 0))
  }
  const row = await conclude(outcomes)
  if (row !== null && Buffer.byteLength(row.memory) <= Math.min(longestMemory, link.maxPacket / 2)) {
    await link.execute(`INSERT INTO vanadium_positions (state, instance, memory) VALUES ${tupleOf([row.state, row.instance, row.memory])}
      ON DUPLICATE KEY UPDATE instance = VALUES(instance), memory = VALUES(memory)`)
  }
  await addToCounts(link, groups, outcomes)
  await link.execute('COMMIT')
  return outcomes
}
