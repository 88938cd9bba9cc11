import { LeftError, StreamError } from '../../errors.js'
import type { Context } from '../../stream/contracts.js'
import type { MemoryRow } from '../memory.js'
import type { Outcome, Store } from '../store.js'
import type { fenced, LeaseKeeper } from './lease.js'
import { Absence } from './overdue.js'
import { Proof } from './proof.js'
import type { RowBytes } from './row-bytes.js'
import type { Session } from './session.js'

/** The holder has had the time to store what is as old as this. */
const settleMs = 2000
/** Between two looks for rows that are missing. */
const lookMs = 1000

type Insert = Store<RowBytes>['insert']
type Groups = Parameters<Insert>[0]
type Conclude = Parameters<Insert>[1]

export interface LeasedParts {
  readonly rows: Session
  readonly lease: LeaseKeeper
  /** Stores the groups in a transaction that first asks whether the token is still good. */
  insert (groups: Groups, conclude: Conclude, token: number): Promise<Outcome[] | typeof fenced>
  /** Stores what an instance remembers, by itself. */
  keep (row: MemoryRow): Promise<void>
}

/**
 * What `Store.insert` does of one of several consumers of the same events. Whoever has the lease stores them. The others wait until they are stored, and
 * go on as if all had been there already; what is not stored when the holder goes, they store.
 */
export function leasedInsert (ctx: Pick<Context, 'stop'>, { rows, lease, insert, keep }: LeasedParts): Insert {
  /** Null when this one is to store them. */
  async function prove (groups: Groups, conclude: Conclude, enteredMs: number): Promise<Outcome[] | null> {
    const proof = new Proof(groups)
    const absence = new Absence(lease, enteredMs)
    let pauseMs = Math.min(settleMs, Math.max(0, enteredMs + settleMs - Date.now()))
    try {
      for (;;) {
        if (!ctx.stop.aborted) await lease.change(pauseMs)
        if (lease.writes) return null
        const beganMs = Date.now()
        await rows.run(async link => { await proof.look(link) })
        absence.seen(proof.missing, beganMs)
        if (proof.missing === 0) break
        if (ctx.stop.aborted) throw new LeftError('stopped', `${proof.missing} rows are not stored yet, and another instance has the lease`)
        if (absence.isOverdue()) lease.ask(proof, { rows: proof.missing, ...proof.example })
        pauseMs = lookMs
      }
    } finally {
      lease.content(proof)
    }
    const outcomes = proof.outcomes()
    const row = await conclude(outcomes)
    if (row !== null) await keep(row)
    return outcomes
  }

  return async (groups, conclude, enteredMs) => {
    for (;;) {
      const stored = await lease.use(async token => await insert(groups, conclude, token)) ?? await prove(groups, conclude, enteredMs).catch(leave)
      if (stored !== null) return stored
    }
  }

  /** A server that is away when this one stops costs nothing as long as somebody else writes. */
  function leave (error: unknown): never {
    if (lease.holder === '' || !(error instanceof StreamError) || error.code !== 'stopped') throw error
    throw new LeftError('stopped', error.message, { cause: error })
  }
}
