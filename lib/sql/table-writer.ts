import { RecordError, StreamError } from '../errors.js'
import { identifyEvent, type Identity } from '../event/identity.js'
import { parseJson } from '../event/json.js'
import { isRefused, type RefusedSchema, type Schema } from '../event/schemas.js'
import type { Batch, Context, Writer } from '../stream/contracts.js'
import { Load } from './load.js'
import type { LongStrings } from './long-strings.js'
import { StoreMemory } from './memory.js'
import type { Group, Outcome, Store } from './store.js'
import { Tables, type Table } from './tables.js'

/** When the rows that were taken go to the store, flush or not; what was one batch stays together. */
export interface LoadLimits {
  readonly rows: number
  /** Of records, as they travel. */
  readonly bytes: number
}

export interface TableWriterOptions extends LoadLimits {
  readonly longStrings: LongStrings
}

/** Metrics: rows that were committed, and rows that were there already. */
export const inserted = 'overall.inserted'
export const duplicate = 'duplicate'

/**
 * Writes events into the tables of their schemas. One load is in the store's hands while the next one is collected, so at
 * most two loads and a batch are in memory. What cannot be stored goes to the dead letters, the rest of its batch does not.
 */
export class TableWriter<R> implements Writer {
  readonly #ctx: Context
  readonly #store: Store<R>
  readonly #limits: LoadLimits
  readonly #tables: Tables
  readonly #memory: StoreMemory
  readonly #stream: string
  readonly keepsBooks = true
  #load = new Load<R>()
  /** Never rejects: resolves with what the store threw, if it did. */
  #inFlight: Promise<unknown> = Promise.resolve()
  #rowsInFlight = 0
  #failure: unknown
  #closed = false

  /** `stream` names the store, without a password; `open` makes it, and it may ask how many rows wait for it. */
  constructor (ctx: Context, stream: string, limits: TableWriterOptions, open: (held: () => number) => Store<R>) {
    this.#ctx = ctx
    this.#limits = limits
    this.#store = open(() => this.#load.rows + this.#rowsInFlight)
    this.#tables = new Tables(ctx, this.#store, limits.longStrings)
    this.#memory = new StoreMemory(ctx, stream)
    this.#stream = stream
  }

  async begin (): Promise<void> {
    await this.#memory.begin(async state => await this.#store.recall(state))
  }

  async write (batch: Batch): Promise<void> {
    this.#throwFailure()
    if (!this.#load.suits(batch)) await this.#send()
    this.#load.begin(batch)
    const later = batch.lines().filter(record => !this.#take(record))
    if (later.length > 0) await this.#takeLater(later)
    if (this.#load.rows >= this.#limits.rows || this.#load.bytes >= this.#limits.bytes) await this.#send()
  }

  async pass (batch: Batch): Promise<void> {
    if (!this.#load.suits(batch)) await this.#send()
    this.#load.begin(batch)
  }

  async flush (): Promise<void> {
    this.#throwFailure()
    if (this.#load.bytes > 0) await this.#send()
    await this.#settled()
    this.#memory.flushed()
  }

  async close (): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      if (this.#failure === undefined) await this.flush()
    } finally {
      await this.#store.close()
    }
  }

  /** False if something must be waited for first: the record's schema, or its table. */
  #take (record: string): boolean {
    try {
      const event = parseJson(record)
      const schema = this.#schemaOf(identify(event))
      const table = schema === undefined ? undefined : this.#tables.find(schema)
      if (table === undefined) return false
      const values = table.toRow(event as object)
      if (values[0] === null) throw new RecordError('bad-capsule', `the event has no ${table.stored.plan.key}; the processor gives it one`)
      this.#load.add(table, record, this.#store.encode(values))
    } catch (error) {
      this.#refuse(record, error)
    }
    return true
  }

  /** Undefined if a remote repository may have it. Throws `RecordError`. */
  #schemaOf ({ name, revision }: Identity): Schema | undefined {
    const schema = this.#ctx.schemas.find(name, revision)
    if (schema === undefined && this.#ctx.schemas.canFetch(name, revision)) return undefined
    return usable(schema, `${name}/${revision}`)
  }

  /** In the order they came, so that a table's rows keep theirs. */
  async #takeLater (records: readonly string[]): Promise<void> {
    for (const record of records) {
      if (this.#take(record)) continue
      try {
        await this.#prepare(identify(parseJson(record)))
        if (!this.#take(record)) throw new RecordError('unknown-schema', 'its schema changed while the table was opened; send the event again')
      } catch (error) {
        this.#refuse(record, error)
      }
    }
  }

  async #prepare ({ name, revision }: Identity): Promise<void> {
    const { schemas } = this.#ctx
    const schema = usable(schemas.find(name, revision) ?? await schemas.fetch(name, revision), `${name}/${revision}`)
    if (this.#tables.find(schema) === undefined) await this.#tables.open(schema)
  }

  /** Resolves when the store works on the load, which it does only when it is done with the one before. */
  async #send (): Promise<void> {
    await this.#settled()
    const load = this.#load
    this.#load = new Load<R>()
    this.#rowsInFlight = load.rows
    this.#inFlight = this.#deliver(load)
  }

  async #deliver (load: Load<R>): Promise<unknown> {
    const groups = [...load.groups]
    const lettered = new Set<string>()
    try {
      const outcomes = groups.length === 0
        ? []
        : await this.#store.insert(groups.map(([, group]) => group), async outcomes => {
          // before the commit: a letter that is written twice is better than one that is lost
          for (const [at, outcome] of outcomes.entries()) this.#refuseRows(groups[at]?.[1], outcome, lettered)
          await this.#ctx.deadLetters.drain()
          return this.#memory.row({ provenances: load.provenances, outcomes: load.entries(this.#stream, outcomes) })
        })
      this.#rowsInFlight = 0
      for (const [at, [table]] of groups.entries()) this.#count(table, outcomes[at])
      const entries = load.entries(this.#stream, outcomes)
      this.#memory.committed({ provenances: load.provenances, outcomes: entries })
      for (const entry of entries.list()) this.#ctx.ledger.add(entry)
      return undefined
    } catch (error) {
      return error
    }
  }

  /** An attempt that is repeated must not write the same letters again. */
  #refuseRows (group: Group<R> | undefined, { refused }: Outcome, lettered: Set<string>): void {
    for (const { row, error } of refused) {
      const record = group?.records[row] ?? ''
      if (lettered.has(record)) continue
      lettered.add(record)
      this.#ctx.deadLetters.add(record, error)
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

  async #settled (): Promise<void> {
    const error = await this.#inFlight
    if (error !== undefined) this.#fail(error)
  }

  #throwFailure (): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  #fail (error: unknown): never {
    this.#failure = error
    if (error instanceof StreamError) this.#ctx.log.error('rows were not stored', { rows: this.#load.rows + this.#rowsInFlight, error })
    throw error
  }

  #refuse (record: string, error: unknown): void {
    if (!(error instanceof RecordError)) this.#fail(error)
    this.#load.refuse(record)
    this.#ctx.deadLetters.add(record, error)
  }
}

function identify (event: unknown): Identity {
  const identity = identifyEvent(event)
  if (identity === null) throw new RecordError('bad-capsule', 'the record does not name a schema and a revision; send events that the processor passed on')
  return identity
}

function usable (schema: Schema | RefusedSchema | undefined, name: string): Schema {
  if (schema === undefined) throw new RecordError('unknown-schema', `there is no schema ${name}; add it to --schemas`)
  if (isRefused(schema)) throw new RecordError('refused-schema', `schema ${name} cannot be used: ${schema.reason}`)
  return schema
}
