import { LeftError, RecordError, StreamError } from '../errors.js'
import { identifyEvent, type Identity } from '../event/identity.js'
import { parseJson } from '../event/json.js'
import { isRefused, type RefusedSchema, type Schema } from '../event/schemas.js'
import type { Batch, Context, Writer } from '../stream/contracts.js'
import type { TablePlan } from './columns.js'
import { Delivery } from './delivery.js'
import { Load, originOf, type Origin } from './load.js'
import type { LongStrings } from './long-strings.js'
import { SetAside } from './set-aside.js'
import type { Store } from './store.js'
import { Tables } from './tables.js'
import type { SqlValue } from './values.js'

/** When the rows that were taken go to the store, flush or not; what was one batch stays together. */
export interface LoadLimits {
  readonly rows: number
  /** Of records, as they travel. */
  readonly bytes: number
}

export interface TableWriterOptions extends LoadLimits {
  readonly longStrings: LongStrings
}

/** Bytes of records that wait for their tables. When there are more, everything waits. */
const mostAside = 32 << 20

/** So long is waited for more schemas that are ready before the first ones are taken back. */
const gatherMs = 200

/** Entries for the ledger about rows that are stored and whose positions wait: when there are more, everything waits. */
const mostUnsaved = 20_000

/**
 * Writes events into the tables of their schemas. One load is in the store's hands while the next one is collected, so at
 * most two loads and a batch are in memory, and what is set aside. What cannot be stored goes to the dead letters, the rest of its
 * batch does not. Where a table has to be made or altered first, only its own rows wait.
 */
export class TableWriter<R> implements Writer {
  readonly #ctx: Context
  readonly #store: Store<R>
  readonly #limits: LoadLimits
  readonly #tables: Tables
  readonly #delivery: Delivery<R>
  readonly #aside = new SetAside()
  readonly keepsBooks = true
  #load = new Load<R>()
  #failure: unknown
  #closed = false

  /** `stream` names the store, without a password; `open` makes it, and it may ask how many rows wait for it. */
  constructor (ctx: Context, stream: string, limits: TableWriterOptions, open: (held: () => number) => Store<R>) {
    this.#ctx = ctx
    this.#limits = limits
    this.#store = open(() => this.#rows)
    this.#tables = new Tables(ctx, this.#store, limits.longStrings)
    this.#delivery = new Delivery(ctx, this.#store, stream)
  }

  async begin (): Promise<void> {
    await this.#delivery.begin()
  }

  async write (batch: Batch): Promise<void> {
    this.#throwFailure()
    // not one schema after the other: each would need loads of its own
    if (!this.#aside.isEmpty && this.#aside.isReady) await this.#takeBack()
    const origin = originOf(batch)
    await this.#begin(origin, batch.payload.length)
    if (batch.provenance !== null) this.#load.provenances.push(batch.provenance)
    for (const record of batch.lines()) this.#take(record, origin)
    await this.#sendFull()
    if (this.#aside.bytes > mostAside) await this.#makeRoom()
  }

  async pass (batch: Batch): Promise<void> {
    await this.#begin(originOf(batch), batch.payload.length)
    if (batch.provenance !== null) this.#load.provenances.push(batch.provenance)
  }

  async settle (): Promise<boolean> {
    const whole = await this.#sendAll()
    if (whole || this.#delivery.unsaved < mostUnsaved) return whole
    this.#ctx.log.warn('too much is stored of which no position is saved; nothing is taken until the tables are made', { rows: this.#aside.rows })
    await this.flush()
    return true
  }

  /** False if something is set aside. */
  async #sendAll (): Promise<boolean> {
    this.#throwFailure()
    await this.#takeBack()
    const whole = this.#aside.isEmpty
    if (this.#load.bytes > 0) await this.#send()
    await this.#settled()
    if (whole) this.#delivery.flushed()
    return whole
  }

  async flush (): Promise<void> {
    while (!await this.#sendAll()) await this.#aside.untilReady(gatherMs)
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

  get #rows (): number {
    return this.#load.rows + this.#delivery.rowsInFlight + this.#aside.rows
  }

  async #begin (origin: Origin, bytes: number): Promise<void> {
    if (!this.#load.suits(origin)) await this.#send()
    this.#load.begin(origin, bytes)
  }

  /** Into the load; or aside, if something must be waited for first: the record's schema, or its table. */
  #take (record: string, origin: Origin): void {
    try {
      const event = parseJson(record)
      const identity = identifyRecord(event)
      if (!this.#aside.isEmpty && this.#aside.add(identity, record, origin)) return
      const schema = this.#schemaOf(identity)
      const table = schema === undefined ? undefined : this.#tables.find(schema)
      if (table === undefined) {
        this.#aside.begin(identity, this.#prepare(identity))
        this.#aside.add(identity, record, origin)
        return
      }
      const values = keyed(table.toRow(event as object), table.stored.plan)
      this.#load.add(table, record, this.#store.encode(values), values[1] ?? null)
    } catch (error) {
      this.#refuse(record, error)
    }
  }

  /** Undefined if a remote repository may have it. Throws `RecordError`. */
  #schemaOf ({ name, revision }: Identity): Schema | undefined {
    const schema = this.#ctx.schemas.find(name, revision)
    if (schema === undefined && this.#ctx.schemas.canFetch(name, revision)) return undefined
    return usable(schema, `${name}/${revision}`)
  }

  async #prepare ({ name, revision }: Identity): Promise<void> {
    const { schemas } = this.#ctx
    const schema = usable(schemas.find(name, revision) ?? await schemas.fetch(name, revision), `${name}/${revision}`)
    if (this.#tables.find(schema) === undefined) await this.#tables.open(schema)
  }

  /** Takes what was set aside and need not wait any more, in the order it came. */
  async #takeBack (): Promise<void> {
    for (let piece = this.#aside.firstReady(); piece !== undefined; piece = this.#aside.firstReady()) {
      const { origin, records, bytes, error } = piece
      // a load that is sent now does not have them
      await this.#begin(origin, bytes)
      this.#aside.removeFirst()
      for (const record of records) {
        if (error === undefined) this.#take(record.toString(), origin)
        else this.#refuse(record.toString(), error)
      }
      await this.#sendFull()
    }
  }

  async #makeRoom (): Promise<void> {
    this.#ctx.log.warn('too many rows wait for their tables; nothing is taken until there is room', { rows: this.#aside.rows, bytes: this.#aside.bytes })
    while (this.#aside.bytes > mostAside) {
      // others that have come need not wait as well
      if (this.#load.bytes > 0) await this.#send()
      await this.#aside.untilReady(gatherMs)
      await this.#takeBack()
    }
    this.#ctx.log.info('there is room again for rows that wait for their tables', { rows: this.#aside.rows, bytes: this.#aside.bytes })
  }

  async #sendFull (): Promise<void> {
    if (this.#load.rows >= this.#limits.rows || this.#load.bytes >= this.#limits.bytes) await this.#send()
  }

  /** Resolves when the store works on the load, which it does only when it is done with the one before. */
  async #send (): Promise<void> {
    await this.#settled()
    const load = this.#load
    this.#load = new Load<R>()
    this.#delivery.send(load, this.#aside.isEmpty)
  }

  async #settled (): Promise<void> {
    try {
      await this.#delivery.settled()
    } catch (error) {
      this.#fail(error)
    }
  }

  #throwFailure (): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  #fail (error: unknown): never {
    this.#failure = error
    if (error instanceof StreamError && !(error instanceof LeftError)) this.#ctx.log.error('rows were not stored', { rows: this.#rows, error })
    throw error
  }

  #refuse (record: string, error: unknown): void {
    if (!(error instanceof RecordError)) this.#fail(error)
    this.#load.refuse(record)
    this.#ctx.deadLetters.add(record, error)
  }
}

/** Throws `RecordError` for what is no event. */
export function identifyRecord (event: unknown): Identity {
  const identity = identifyEvent(event)
  if (identity === null) throw new RecordError('bad-capsule', 'the record does not name a schema and a revision; send events that the processor passed on')
  return identity
}

/** A row that can be told from others; throws `RecordError` if it cannot. */
export function keyed (values: SqlValue[], { key }: TablePlan): SqlValue[] {
  if (values[0] === null) throw new RecordError('bad-capsule', `the event has no ${key}; the processor gives it one`)
  return values
}

/** Throws `RecordError` for a schema that cannot have a table; `name` is for its message. */
export function usable (schema: Schema | RefusedSchema | undefined, name: string): Schema {
  if (schema === undefined) throw new RecordError('unknown-schema', `there is no schema ${name}; add it to --schemas`)
  if (isRefused(schema)) throw new RecordError('refused-schema', `schema ${name} cannot be used: ${schema.reason}`)
  return schema
}
