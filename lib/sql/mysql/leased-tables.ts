import { LeftError, RecordError } from '../../errors.js'
import type { Context } from '../../stream/contracts.js'
import type { TablePlan } from '../columns.js'
import type { StoredTable } from '../store.js'
import type { LeaseKeeper } from './lease.js'
import { Absence } from './overdue.js'
import type { MysqlTables } from './tables.js'

/** Between two looks for a table that the holder has to make. */
const lookMs = 1000

/** Tables of one of several consumers: whoever has the lease makes and alters them, the others wait until that is done. */
export function leasedTables (ctx: Pick<Context, 'stop'>, tables: MysqlTables, lease: LeaseKeeper): MysqlTables {
  /** Found as they are, so that nobody here has seen to their indexes and views; at most as many as there are schemas. */
  const found = new Map<string, TablePlan>()
  /** What the server refused to this one refuses it to the holder as well, who makes no table then. */
  const refusals = new Map<string, RecordError>()

  async function make (plan: TablePlan): Promise<StoredTable> {
    try {
      const table = await tables.ensure(plan)
      refusals.delete(plan.name)
      return table
    } catch (error) {
      if (error instanceof RecordError) refusals.set(plan.name, error)
      throw error
    }
  }

  lease.onTaken(() => {
    const plans = [...found.values()]
    found.clear()
    // what is thrown, the next work throws again
    for (const plan of plans) make(plan).catch(() => {})
  })

  return {
    ...tables,

    async ensure (plan) {
      const absence = new Absence(lease, Date.now())
      try {
        for (;;) {
          // also of a load that is under way when somebody else is to have the lease: that load has to end first
          if (lease.holds) return await make(plan)
          const beganMs = Date.now()
          const table = await tables.find(plan)
          absence.seen(1, beganMs)
          if (table !== null) {
            found.set(plan.name, plan)
            return table
          }
          const refusal = refusals.get(plan.name)
          if (refusal !== undefined) throw refusal
          if (ctx.stop.aborted) throw new LeftError('stopped', `table ${plan.name} is not there yet, and another instance has the lease`)
          if (absence.isOverdue()) lease.ask(plan, { table: plan.name, reason: 'the table is not there, or lacks a column' })
          await lease.change(lookMs)
        }
      } finally {
        lease.content(plan)
      }
    }
  }
}
