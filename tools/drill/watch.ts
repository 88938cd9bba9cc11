import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, StreamError } from '../../lib/errors.js'
import { classify, noSuchTable, numberOf } from '../../lib/sql/errors.js'
import { askForLease, forgetWish } from '../../lib/sql/mysql/lease-statements.js'
import { readLease, type Lease } from '../../lib/sql/mysql/lease-tables.js'
import { mediawikiTime } from '../../lib/sql/times.js'
import type { CheckedDatabase } from '../check/database.js'

const everyMs = 100

/** What the database held at one moment. */
export interface Look {
  /** By the server's clock, in milliseconds since 1970. */
  readonly atMs: number
  readonly lease: Lease | null
  /** Canaries of this drill. */
  readonly rows: number
}

/** The longest time in which no row came. */
export interface Gap {
  readonly seconds: number
  /** By the server's clock. */
  readonly fromMs: number
}

/** Somebody else has the lease. */
export interface Taken {
  readonly atMs: number
  readonly token: number
  /** Empty if nobody had it. */
  readonly holder: string
}

/** Looks at the lease and the canaries of a drill, ten times a second, both as of the same moment. */
export class Watch {
  readonly #db: CheckedDatabase
  readonly #lease: string
  readonly #where: string
  readonly #waiting = new Set<() => void>()
  readonly #over = new AbortController()
  readonly #running: Promise<void>
  readonly takes: Taken[] = []
  #queue: Promise<unknown> = Promise.resolve()
  #last: Look | null = null
  #failure: unknown
  #wanted: string | null = null
  #grownMs: number | null = null
  #gap: Gap | null = null
  #measures = true

  /** `front`: what canaries of the drill have as theirs; it is sent from `sinceMs` on. */
  constructor (db: CheckedDatabase, { lease, front, sinceMs }: { lease: string, front: string, sinceMs: number }) {
    this.#db = db
    this.#lease = lease
    this.#where = `timestamp >= '${mediawikiTime(Math.floor(sinceMs / 1000) - 60) ?? ''}' AND event_front = '${front}'`
    this.#running = this.#run()
  }

  get gap (): Gap | null {
    return this.#gap
  }

  /** The first look, from now on, for which `is` holds; null if there is none for so long. Throws when the database cannot be looked at, and when stopped. */
  async until (is: (look: Look) => boolean, seconds: number, stop: AbortSignal): Promise<Look | null> {
    const timer = new AbortController()
    const signal = AbortSignal.any([timer.signal, stop])
    let check = (): void => {}
    try {
      return await new Promise((resolve, reject) => {
        check = () => {
          if (this.#failure !== undefined) reject(unwatched(this.#failure))
          else if (this.#last !== null && is(this.#last)) resolve(this.#last)
        }
        this.#waiting.add(check)
        sleep(seconds * 1000, undefined, { signal }).then(() => { resolve(null) }, () => { reject(new StreamError('stopped', 'stopped before the end')) })
        check()
      })
    } finally {
      this.#waiting.delete(check)
      timer.abort()
    }
  }

  /** By the server's clock, in milliseconds since 1970. */
  async now (): Promise<number> {
    return await this.#exclusive(async () => await this.#now())
  }

  /** From now on asks for the lease in the name of this member, until it has it; null asks no more. */
  want (member: string | null): void {
    this.#wanted = member
  }

  /** The drill waits for no more rows: what does not come from now on is no gap. */
  async endGap (): Promise<void> {
    const now = await this.now()
    this.#grown(now)
    this.#measures = false
  }

  /** When each canary that is in the table was sent; one that is there twice is in it twice. */
  async stored (): Promise<number[]> {
    const rows = await this.#exclusive(async () => await this.#db.query(`SELECT event_sent FROM Canary_1 WHERE ${this.#where}`))
    return rows.map(row => Number(row['event_sent']))
  }

  async close (): Promise<void> {
    this.#over.abort()
    await this.#running
  }

  /** Asks for nothing in the name of a member who would not have asked. */
  async forget (member: string): Promise<void> {
    this.#wanted = null
    await this.#exclusive(async () => { await forgetWish(this.#link, { name: this.#lease }, member) })
  }

  /** Its answers count no rows. */
  get #link (): Parameters<typeof askForLease>[0] {
    return {
      execute: async sql => {
        await this.#db.query(sql)
        return 0
      }
    }
  }

  async #exclusive<T> (work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work)
    this.#queue = turn.catch(() => {})
    return await turn
  }

  async #run (): Promise<void> {
    // what a look sees is of one moment, whatever the server's own setting is
    await this.#exclusive(async () => await this.#db.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ')).catch((error: unknown) => { this.#failure = error })
    while (!this.#over.signal.aborted) {
      try {
        const look = await this.#exclusive(async () => await this.#look())
        this.#note(look)
        if (this.#wanted !== null && look.lease?.holder !== this.#wanted) await this.#exclusive(async () => { await this.#ask() })
      } catch (error) {
        if (!this.#over.signal.aborted) this.#failure = error
      }
      for (const check of this.#waiting) check()
      if (this.#failure !== undefined) return
      await sleep(everyMs, undefined, { signal: this.#over.signal }).catch(() => {})
    }
  }

  /** The consumer of that member, which knows nothing of it, takes the wish back now and then. */
  async #ask (): Promise<void> {
    if (this.#wanted !== null) await askForLease(this.#link, { name: this.#lease, member: this.#wanted }, 0)
  }

  async #look (): Promise<Look> {
    await this.#db.query('START TRANSACTION WITH CONSISTENT SNAPSHOT')
    try {
      const rows = await this.#count()
      const lease = await readLease(async sql => await this.#db.query(sql), this.#lease)
      return { atMs: await this.#now(), lease, rows }
    } finally {
      await this.#db.query('COMMIT')
    }
  }

  async #count (): Promise<number> {
    try {
      const [row] = await this.#db.query(`SELECT COUNT(*) AS number FROM Canary_1 WHERE ${this.#where}`)
      return Number(row?.['number'])
    } catch (error) {
      if (numberOf(error) === noSuchTable) return 0
      throw error
    }
  }

  async #now (): Promise<number> {
    const [row] = await this.#db.query("SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1e3 AS now")
    return Number(row?.['now'])
  }

  #note (look: Look): void {
    if (this.#last !== null && look.rows > this.#last.rows) this.#grown(look.atMs)
    const { holder = '', token = 0 } = look.lease ?? {}
    const last = this.takes.at(-1)
    if (last?.holder !== holder || last.token !== token) this.takes.push({ atMs: look.atMs, token, holder })
    this.#last = look
  }

  #grown (atMs: number): void {
    if (!this.#measures) return
    const seconds = this.#grownMs === null ? 0 : (atMs - this.#grownMs) / 1000
    if (this.#grownMs !== null && seconds > (this.#gap?.seconds ?? 0)) this.#gap = { seconds, fromMs: this.#grownMs }
    this.#grownMs = atMs
  }
}

function unwatched (error: unknown): unknown {
  return classify(error) === 'bug' ? error : new StreamError('cannot-read', `the database cannot be watched any more: ${messageOf(error)}`, { cause: error })
}
