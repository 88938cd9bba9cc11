import type { Context, Provenance } from '../stream/contracts.js'
import { Entries, without, type LedgerEntry } from '../stream/ledger.js'

/** What a store keeps of an instance, in the transaction of the rows: a text under the identity of the instance's state. */
export interface MemoryRow {
  /** 16 hex digits. */
  readonly state: string
  /** For people: the daemon and its name. */
  readonly instance: string
  readonly memory: string
}

/** How far the inputs are stored, and what was entered into the ledger for it, since the state was saved last. */
interface Memory {
  /** Counts saves: one more than the state knows means that the state was not saved any more. */
  readonly save: number
  readonly positions: Readonly<Record<string, string>>
  readonly entries: readonly LedgerEntry[]
}

/** Of the rows of one transaction: the batches they came in, and what became of them. */
export interface LoadBooks {
  readonly provenances: readonly Provenance[]
  readonly outcomes: Entries
}

/**
 * Rows and state are in two databases, and a daemon can be killed between the two commits. So the store is told, with the rows, what
 * the state will be told next; at the next start the state takes over what it missed. Only inputs with positions need it.
 */
export class StoreMemory {
  readonly #ctx: Context
  readonly #source: string
  readonly #positions = new Map<string, string>()
  readonly #entries = new Entries()
  #save: number | null = null

  /** `store` is its URI, without a password. */
  constructor (ctx: Context, store: string) {
    this.#ctx = ctx
    this.#source = `stored:${store}`
  }

  /** Takes over what the state missed; `recall` asks the store, and is called only if there may be something. */
  async begin (recall: (state: string) => Promise<string | null>): Promise<void> {
    const state = this.#ctx.stateIfAny
    const saved = state?.position(this.#source) ?? null
    if (state === null || saved === null) return
    this.#save = Number(saved)
    const text = await recall(state.id)
    if (text === null) return
    const { save, positions, entries } = JSON.parse(text) as Memory
    if (save < this.#save) this.#ctx.log.warn('the store is older than what was stored: was a backup restored? What is missing can be replayed', { saved: this.#save, stored: save })
    if (save <= this.#save) return
    for (const [source, position] of Object.entries(positions)) state.remember(source, position)
    for (const entry of entries) state.ledger.add(entry)
    state.remember(this.#source, String(save))
    await this.#ctx.save()
    this.#save = save
    this.#ctx.log.info('the state goes on from what the store had', { positions })
  }

  /** To be stored with the rows of a load; null if no input has positions. */
  row (load: LoadBooks): MemoryRow | null {
    const positions = new Map(this.#positions)
    const entries = new Entries()
    for (const entry of this.#entries.list()) entries.add(entry)
    this.#add(load, positions, entries)
    if (this.#isNeedless(positions)) return null
    const memory: Memory = { save: this.#firstSave() + 1, positions: Object.fromEntries(positions), entries: entries.list() }
    return { state: this.#ctx.state.id, instance: `${this.#ctx.daemon} ${this.#ctx.name}`, memory: JSON.stringify(memory) }
  }

  /** The transaction is committed. */
  committed (load: LoadBooks): void {
    this.#add(load, this.#positions, this.#entries)
  }

  /** To be called at a flush: with the next save the state knows all that the store does. */
  flushed (): void {
    if (this.#isNeedless(this.#positions)) this.#entries.clear()
    if (this.#entries.size === 0) return
    const save = this.#firstSave() + 1
    this.#ctx.state.remember(this.#source, String(save), () => {
      this.#save = save
      this.#positions.clear()
      this.#entries.clear()
    })
  }

  /** Where no input ever had a position there is nothing that could be taken over. */
  #isNeedless (positions: ReadonlyMap<string, string>): boolean {
    return positions.size === 0 && this.#save === null
  }

  /** The state notes that there may be something to take over, before there is. */
  #firstSave (): number {
    if (this.#save !== null) return this.#save
    this.#save = Number(this.#ctx.state.position(this.#source) ?? 0)
    this.#ctx.state.note(this.#source, String(this.#save))
    return this.#save
  }

  #add ({ provenances, outcomes }: LoadBooks, positions: Map<string, string>, entries: Entries): void {
    for (const { stream, source, position, timeMs, taken, schemas } of provenances) {
      if (position !== null) positions.set(source, position)
      entries.enter('input', stream, 'taken', timeMs, taken)
      entries.enter('input', stream, 'filtered', timeMs, without(taken, schemas))
    }
    for (const entry of outcomes.list()) entries.add(entry)
  }
}
