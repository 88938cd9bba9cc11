import type { Work } from '../store.js'
import type { Anonymise } from './anonymise.js'
import { apply, changeOf, type Change } from './change.js'
import { openDaily, type Daily } from './daily.js'
import type { PurgeDatabase } from './database.js'
import { bytesPerRow } from './estimate.js'
import type { EventTable } from './event-tables.js'
import type { Pace } from './pace.js'
import { pagesOf, type Page } from './pages.js'
import type { TablePolicy } from './policy.js'
import type { Progress } from './progress.js'
import { Select } from './select.js'
import { climb, covers, type Stair } from './stairs.js'
import { countingOf, Totals, type Counting, type Total } from './totals.js'

export interface Means {
  readonly progress: Progress
  readonly pace: Pace
  readonly anonymise: Anonymise
  readonly calm: (stop: AbortSignal) => Promise<void>
  readonly stop: AbortSignal
}

/** Pages that had nothing in them, after which it is noted all the same how far it came. */
const mostUnsaved = 1000

/** Purges one table, page by page: rows, counts and progress in one transaction. May be run again after an error. */
export class TablePurge {
  readonly #db: PurgeDatabase
  readonly #table: EventTable
  readonly #policy: TablePolicy
  readonly #means: Means
  readonly #select: Select
  #stairs: Stair[] = []
  #unsaved = 0

  constructor (db: PurgeDatabase, table: EventTable, policy: TablePolicy, means: Means) {
    this.#db = db
    this.#table = table
    this.#policy = policy
    this.#means = means
    this.#select = new Select(db, table, policy)
  }

  async * run (): AsyncGenerator<Work> {
    const { progress, pace, calm, stop } = this.#means
    this.#stairs = await progress.load(this.#table)
    this.#unsaved = 0
    const { aggregate } = this.#policy.retention
    const counting = aggregate === null ? null : countingOf(this.#table, aggregate)
    const rowBytes = await bytesPerRow(this.#db, this.#table, this.#policy)
    let daily: Daily | null = null
    await calm(stop)
    const walk = { table: this.#table, policy: this.#policy, columns: counting?.columns ?? [], stairs: this.#stairs, size: () => pace.rows }
    let begunMs = Date.now()
    for await (const page of pagesOf(this.#db, walk)) {
      if (stop.aborted) return
      if (counting !== null && page.rows.length > 0) daily ??= await openDaily(this.#db, this.#table.schema, counting)
      yield * this.#worksOf(await this.#take(page, counting, daily), daily, rowBytes)
      await pace.rest(page.rows.length, Date.now() - begunMs, stop)
      await calm(stop)
      begunMs = Date.now()
    }
    if (this.#unsaved > 0) await this.#store(null, [], null)
  }

  /** What was done to rows, and how many were counted; durable when it resolves. */
  async #take (page: Page, counting: Counting | null, daily: Daily | null): Promise<{ change: Change | null, counted: number }> {
    const change = changeOf(this.#db, this.#table, this.#policy, page.rows, this.#means.anonymise)
    const totals = counting === null ? [] : this.#count(page, counting)
    if (page.stair !== null) {
      this.#stairs = climb(this.#stairs, page.stair)
      this.#unsaved++
    }
    if (change !== null || totals.length > 0 || this.#unsaved >= mostUnsaved) await this.#store(change, totals, daily)
    return { change, counted: totals.reduce((sum, { events }) => sum + events, 0) }
  }

  /** Of rows that no policy has seen before. */
  #count ({ rows, isTimely }: Page, counting: Counting): Total[] {
    const totals = new Totals(counting, this.#table.time)
    for (const row of rows) {
      const place = this.#select.placeOf(row)
      if (isTimely && !this.#stairs.some(stair => covers(stair, place))) totals.add(row)
    }
    return totals.all
  }

  async #store (change: Change | null, totals: readonly Total[], daily: Daily | null): Promise<void> {
    await this.#db.transaction(async within => {
      await this.#means.progress.hold(within)
      if (change !== null) await apply(this.#db, within, this.#table, change)
      if (totals.length > 0 && daily !== null) await daily.add(within, totals)
      if (this.#unsaved > 0) await this.#means.progress.save(within, this.#table, this.#stairs)
    })
    this.#unsaved = 0
  }

  * #worksOf ({ change, counted }: { change: Change | null, counted: number }, daily: Daily | null, rowBytes: number): Generator<Work> {
    const { name, schema } = this.#table
    if (counted > 0 && daily !== null) yield { place: daily.name, schema, action: 'aggregate', rows: counted, bytes: 0, fields: [] }
    if (change !== null) yield { place: name, schema, action: this.#policy.mode, rows: change.ids.length, bytes: Math.round(change.ids.length * rowBytes), fields: change.fields }
  }
}
