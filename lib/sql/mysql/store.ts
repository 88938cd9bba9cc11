import { RecordError } from '../../errors.js'
import type { Context } from '../../stream/contracts.js'
import { classify, noSuchTable, numberOf } from '../errors.js'
import type { MemoryRow } from '../memory.js'
import type { Group, Outcome, Store } from '../store.js'
import { fenced, type LeaseKeeper } from './lease.js'
import { enterConnection, passFence } from './lease-statements.js'
import { leasedInsert } from './leased-insert.js'
import { leasedTables } from './leased-tables.js'
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

/**
 * Tables in MySQL or MariaDB. A row is its text, the same for `INSERT` and for `LOAD DATA`. With a lease rows are stored only while this one has
 * it, and the store closes it.
 */
export function mysqlStore (ctx: Context, sessions: MysqlSessions, lease: LeaseKeeper | null = null): Store<RowBytes> {
  const session = sessions.rows
  const own = mysqlTables(ctx, sessions.tables, sessions.indexes, lease)
  const tables = lease === null ? own : leasedTables(ctx, own, lease)

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

  async function store (groups: Groups, conclude: Conclude, begin: Begin): Promise<Outcome[] | typeof fenced> {
    return await session.run(async link => {
      const makeMemory = async (): Promise<Refusals> => {
        await link.execute(memoryTable)
        return new Map()
      }
      let refusals: Refusals = new Map()
      // the first time the table of positions lacks, and a table of rows that is locked need not be looked at; or somebody dropped
      // a table or a column
      for (const mend of [makeMemory, async () => await repair(groups)]) {
        try {
          return await insert(link, groups, conclude, begin, refusals)
        } catch (error) {
          if (classify(error) !== 'schema') throw error
          await link.execute('ROLLBACK')
          refusals = await mend()
        }
      }
      return await insert(link, groups, conclude, begin, refusals)
    })
  }

  return {
    encode: rowEncoder(),

    ensure: tables.ensure,

    insert: lease === null
      ? async (groups, conclude) => await store(groups, conclude, open) as Outcome[]
      : leasedInsert(ctx, {
        rows: session,
        lease,
        insert: async (groups, conclude, token) => await store(groups, conclude, behindFence(lease, token)),
        keep: async row => await session.run(async link => {
          await link.requireWritable()
          await link.execute(memoryTable)
          await keep(link, row)
        })
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
      await lease?.close()
      await tables.close()
      session.close()
    }
  }
}

/** Bytes of what is stored with each load: more costs more than rows that come again after a crash. */
const longestMemory = 256 << 10

type Groups = ReadonlyArray<Group<RowBytes>>
type Conclude = Parameters<Store<RowBytes>['insert']>[1]

/** Begins a transaction of rows: `locked` says that it has locks to keep, so that it must not be begun again; `fenced`, and none is open, that it must not be. */
type Begin = (link: Link) => Promise<'free' | 'locked' | typeof fenced>

const open: Begin = async link => {
  await link.execute('START TRANSACTION')
  return 'free'
}

/** A connection of which nobody knows could not be ended by who takes over. */
function behindFence ({ claimant }: LeaseKeeper, token: number): Begin {
  return async link => {
    if (!entered.has(link)) {
      await enterConnection(link, claimant)
      await link.execute(`SET SESSION innodb_lock_wait_timeout = LEAST(@@GLOBAL.innodb_lock_wait_timeout, ${silenceSeconds(claimant.seconds)})`)
      entered.add(link)
    }
    await link.execute('START TRANSACTION')
    if (await passFence(link, claimant, token)) return 'locked'
    await link.execute('ROLLBACK')
    return fenced
  }
}

const entered = new WeakSet<Link>()

/**
 * Of a transaction behind a lease of so many seconds: so the server itself ends what a host that is stopped or cut off has left open, also
 * where nobody may KILL it. A process that is busy may be silent for a moment.
 */
export function silenceSeconds (leaseSeconds: number): number {
  return Math.min(Math.max(leaseSeconds, 5), 10)
}

/** Made when it is first needed. */
const memoryTable = `
  CREATE TABLE IF NOT EXISTS vanadium_positions (
    state CHAR(16) NOT NULL PRIMARY KEY COMMENT 'Identity of the state of a consumer',
    instance VARCHAR(255) NOT NULL COMMENT 'The consumer, for people',
    memory MEDIUMTEXT NOT NULL COMMENT 'JSON: how far its inputs are stored',
    time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
  ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT='Written with the rows, so that none is missed or stored twice'`

type Refusals = Map<Group<RowBytes>, RecordError>

async function insert (link: Link, groups: Groups, conclude: Conclude, begin: Begin, refusals: Refusals): Promise<Outcome[] | typeof fenced> {
  const outcomes: Outcome[] = []
  await link.requireWritable()
  const begun = await begin(link)
  if (begun === fenced) return fenced
  for (const group of groups) {
    const error = refusals.get(group)
    if (error !== undefined) outcomes.push({ inserted: 0, duplicates: 0, refused: group.rows.map((_, row) => ({ row, error })) })
    else outcomes.push(await storeRows(link, group, begun === 'free' && outcomes.length === 0))
  }
  const row = await conclude(outcomes)
  if (row !== null) await keep(link, row)
  await addToCounts(link, groups, outcomes)
  await link.execute('COMMIT')
  return outcomes
}

/** What is too long is not kept: then what was stored last stays. */
async function keep (link: Link, { state, instance, memory }: MemoryRow): Promise<void> {
  if (Buffer.byteLength(memory) > Math.min(longestMemory, link.maxPacket / 2)) return
  await link.execute(`INSERT INTO vanadium_positions (state, instance, memory) VALUES ${tupleOf([state, instance, memory])}
    ON DUPLICATE KEY UPDATE instance = VALUES(instance), memory = VALUES(memory)`)
}
