import { classify } from '../../../lib/sql/errors.js'
import { mediawikiTime } from '../../../lib/sql/times.js'
import { messageOf, StreamError } from '../../../lib/errors.js'
import type { CheckedDatabase, DatabaseTarget } from '../database.js'
import type { Canary } from './event.js'

/** What is in the table of what came in at the same front of the same host. */
export interface Sighting {
  /** Whether the row of this canary is there. */
  readonly isThere: boolean
  /** When the newest canary that has a row was sent; null if there is none of the last day. */
  readonly newestMs: number | null
}

/**
 * Why nothing is known of rows. `away`: the database cannot be reached. `table`: it has no table of canaries. `refused`: it does not
 * let us look, or is none.
 */
export interface ReadProblem {
  readonly kind: 'away' | 'table' | 'refused'
  readonly reason: string
}

/** Of a table that gains a row a minute this looks at no more than a day. `sent` may come from the internet: nothing of the future counts. */
const sql = `
  SELECT MAX(event_sent) AS newest, MAX(event_uuid = ?) AS own FROM (
    SELECT event_sent, event_uuid FROM Canary_1
    WHERE timestamp >= ? AND event_host = ? AND event_front = ? AND event_sent <= ?
    ORDER BY id DESC LIMIT 100
  ) AS recent`
const daySeconds = 86_400

export interface CanaryRows {
  /** Opens the database if need be. Resolves with why if that or the look fails; the next time it is opened again. */
  look (): Promise<Sighting | ReadProblem>
}

export function canaryRows (target: DatabaseTarget, canary: Canary, signal: AbortSignal): CanaryRows {
  let database: CheckedDatabase | null = null
  let connection = new AbortController()
  return {
    async look () {
      try {
        database ??= await target.open('check canary', AbortSignal.any([signal, connection.signal]))
        const now = Date.now()
        const [row] = await database.query(sql, canary.uuid, mediawikiTime(Math.floor(now / 1000) - daySeconds) ?? '', canary.host, canary.front, now)
        const newest = row?.['newest'] ?? null
        return { isThere: Number(row?.['own'] ?? 0) > 0, newestMs: newest === null ? null : Number(newest) }
      } catch (error) {
        database = null
        connection.abort()
        connection = new AbortController()
        return problemOf(error)
      }
    }
  }
}

function problemOf (error: unknown): ReadProblem {
  const reason = messageOf(error)
  if (error instanceof StreamError) return { kind: 'away', reason }
  switch (classify(error)) {
    case 'wait': return { kind: 'away', reason }
    case 'schema': return { kind: 'table', reason }
    case 'operator': return { kind: 'refused', reason }
    case 'row': case 'bug': throw error
  }
}
