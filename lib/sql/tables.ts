import { RecordError } from '../errors.js'
import type { Schema } from '../event/schemas.js'
import type { Context } from '../stream/contracts.js'
import { planTable } from './columns.js'
import type { LongStrings } from './long-strings.js'
import { rowMapper, type RowMapper } from './rows.js'
import type { Store, StoredTable } from './store.js'

/** A schema's table, ready to take rows. */
export interface Table {
  readonly schema: Schema
  readonly stored: StoredTable
  readonly toRow: RowMapper
  /** Metric of this schema's rows. */
  readonly inserted: string
}

/** A schema whose events cannot be stored, for now. */
export interface Refusal {
  readonly schema: Schema
  readonly error: RecordError
  readonly until: number
}

/** After this a refused table is tried again: somebody may have corrected the schema or the database. */
const refusalMs = 60_000

/** The tables of one writer. As many as the repository has schemas. */
export class Tables {
  readonly #ctx: Context
  readonly #store: Store<unknown>
  readonly #longStrings: LongStrings
  readonly #known = new Map<string, Map<number, Table | Refusal>>()
  /** Which schema has a table, by the table's name without case, as some databases see it. */
  readonly #owners = new Map<string, string>()

  constructor (ctx: Context, store: Store<unknown>, longStrings: LongStrings) {
    this.#ctx = ctx
    this.#longStrings = longStrings
    this.#store = store
  }

  /** Undefined when the table has to be opened first: it is new, or its schema was loaded again. Throws `RecordError`. */
  find (schema: Schema): Table | undefined {
    const known = this.#known.get(schema.name)?.get(schema.revision)
    if (known?.schema !== schema) return undefined
    if (!('error' in known)) return known
    if (Date.now() >= known.until) return undefined
    throw known.error
  }

  /** Makes or extends the table. Waits for the database. Does not throw `RecordError`: `find` will. */
  async open (schema: Schema): Promise<void> {
    try {
      this.#remember(schema, await this.#make(schema))
    } catch (error) {
      if (!(error instanceof RecordError)) throw error
      this.#ctx.log.error('no table can be made for a schema; its events go to the dead letters', { schema: `${schema.name}/${schema.revision}`, reason: error.message })
      this.#remember(schema, { schema, error, until: Date.now() + refusalMs })
    }
  }

  async #make (schema: Schema): Promise<Table> {
    const plan = planTable(schema)
    const owner = this.#owners.get(plan.name.toLowerCase()) ?? plan.comment
    if (owner !== plan.comment) throw new RecordError('refused-by-store', `schemas ${owner} and ${plan.comment} have the same table, ${plan.name}; rename one`)
    this.#owners.set(plan.name.toLowerCase(), plan.comment)
    const stored = await this.#store.ensure(plan)
    for (const { column, error } of stored.lacking) {
      this.#ctx.log.error('a table cannot be given a column; events that have a value for it go to the dead letters', { table: plan.name, column: column.name, reason: error.message })
    }
    return {
      schema,
      stored,
      toRow: rowMapper(stored.columns, (column, characters) => { this.#longStrings(plan.name, column, characters) }, stored.lacking),
      inserted: `schema.${schema.name.replace(/[^A-Za-z0-9_-]/g, '_')}.inserted`
    }
  }

  #remember (schema: Schema, known: Table | Refusal): void {
    let revisions = this.#known.get(schema.name)
    if (revisions === undefined) this.#known.set(schema.name, revisions = new Map())
    revisions.set(schema.revision, known)
  }
}
