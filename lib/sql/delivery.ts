import type { Context } from '../stream/contracts.js'
import { Entries } from '../stream/ledger.js'
import type { Load } from './load.js'
import { StoreMemory } from './memory.js'
import type { Group, Outcome, Store } from './store.js'
import type { Table } from './tables.js'

/** Metrics: rows that were committed, and rows that were there already. */
export const inserted = 'overall.inserted'
export const duplicate = 'duplicate'

/** Hands loads to a store, one after the other, with the positions of their inputs, and keeps the books about them. */
export class Delivery<R> {
  readonly #ctx: Context
  readonly #store: Store<R>
  readonly #stream: string
  readonly #memory: StoreMemory
  /** Of what is committed, and not entered into the ledger yet. */
  readonly #books = new Entries()
  /** Never rejects: resolves with what the store threw, if it did. */
  #inFlight: Promise<unknown> = Promise.resolve()
  rowsInFlight = 0

  /** `stream` names the store, without a password. */
  constructor (ctx: Context, store: Store<R>, stream: string) {
    this.#ctx = ctx
    this.#store = store
    this.#stream = stream
    this.#memory = new StoreMemory(ctx, stream)
  }

  async begin (): Promise<void> {
    await this.#memory.begin(async state => await this.#store.recall(state))
  }

  /**
   * To be called when the load before is settled. A load is `whole` if every record that came before its last one is in it or
   * in an earlier one: otherwise the inputs must not go on behind it, and its rows come again after a crash, as duplicates.
   */
  send (load: Load<R>, whole: boolean): void {
    this.rowsInFlight = load.rows
    this.#inFlight = this.#deliver(load, whole)
  }

  /** Entries about what is committed, of which the state knows nothing yet. */
  get unsaved (): number {
    return this.#books.size
  }

  /** Throws what the store threw. */
  async settled (): Promise<void> {
    const error = await this.#inFlight
    if (error !== undefined) throw error
  }

  /** Everything that came is stored: the positions may be saved. */
  flushed (): void {
    for (const entry of this.#books.list()) this.#ctx.ledger.add(entry)
    this.#books.clear()
    this.#memory.flushed()
  }

  async #deliver (load: Load<R>, whole: boolean): Promise<unknown> {
    const groups = [...load.groups]
    const lettered = new Set<string>()
    try {
      const outcomes = groups.length === 0
        ? []
        : await this.#store.insert(groups.map(([, group]) => group), async outcomes => {
          // before the commit: a letter that is written twice is better than one that is lost
          for (const [at, outcome] of outcomes.entries()) this.#refuseRows(at, groups[at]?.[1], outcome, lettered)
          await this.#ctx.deadLetters.drain()
          return whole ? this.#memory.row({ provenances: load.provenances, outcomes: load.entries(this.#stream, outcomes) }) : null
        }, load.enteredMs)
      this.rowsInFlight = 0
      for (const [at, [table]] of groups.entries()) this.#count(table, outcomes[at])
      const entries = load.entries(this.#stream, outcomes)
      this.#memory.committed({ provenances: load.provenances, outcomes: entries })
      for (const entry of entries.list()) this.#books.add(entry)
      return undefined
    } catch (error) {
      return error
    }
  }

  /** An attempt that is repeated must not write the same letters again. */
  #refuseRows (at: number, group: Group<R> | undefined, { refused }: Outcome, lettered: Set<string>): void {
    for (const { row, error } of refused) {
      const place = `${at} ${row}`
      if (lettered.has(place)) continue
      lettered.add(place)
      this.#ctx.deadLetters.add(group?.records[row] ?? '', error)
    }
  }

  #count (table: Table, outcome: Outcome | undefined): void {
    if (outcome === undefined) throw new TypeError('the store did not say what became of a group')
    const { metrics } = this.#ctx
    if (outcome.inserted > 0) {
      metrics.increment(inserted, outcome.inserted)
      metrics.increment(table.inserted, outcome.inserted)
    }
    if (outcome.duplicates > 0) metrics.increment(duplicate, outcome.duplicates)
  }
}
