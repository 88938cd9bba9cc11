import type { Metrics } from '../metrics.js'
import { parsed, schemaAtFault, unknownSchema, validityOf } from './composition.js'
import { eventErrorSchema } from './event-error.js'
import { identifyEvent } from './identity.js'
import { KnownNames } from './known-names.js'
import type { SchemaRepository } from './schemas.js'

/** What a batch holds. Schema names are such as StatsD takes, and as many as there are schemas. */
export interface Counts {
  /** Records that are no event: lines that nobody has parsed yet. */
  raw: number
  /** Events by schema. */
  readonly valid: Map<string, number>
  /** Event errors by the schema of the event at fault. */
  readonly invalid: Map<string, number>
}

/** Adds what was counted by schema: `schema.<Schema>` and `schema.<Schema>.invalid`. */
export function countSchemas ({ valid, invalid }: Counts, metrics: Pick<Metrics, 'increment'>): void {
  for (const [schema, count] of valid) metrics.increment(`schema.${schema}`, count)
  for (const [schema, count] of invalid) metrics.increment(`schema.${schema}.invalid`, count)
}

const key = '"schema"'
const compact = '"schema":"'

/** A batch of a stream, or whatever has lines. */
export interface Countable {
  lines (): readonly string[]
  readonly count?: number
  readonly payload?: Buffer
  /** Where a processor has said what the records are, they are not looked at. */
  readonly provenance?: { readonly schemas: ReadonlyMap<string, number> } | null
}

/** Schemas that are not here and that processors know, at most. */
const mostForeign = 1000

/** Counts the records of streams by what they are, mostly without parsing them. */
export class Tally {
  readonly #schemas: SchemaRepository
  readonly #known: KnownNames
  readonly #foreign = new Set<string>()

  constructor (schemas: SchemaRepository) {
    this.#schemas = schemas
    this.#known = new KnownNames(schemas)
  }

  count (batch: Countable): Counts {
    const validity = validityOf(batch.provenance?.schemas ?? none)
    if (validity !== null) return { raw: 0, valid: this.#named(validity.valid), invalid: this.#named(validity.invalid) }
    const counts: Counts = { raw: 0, valid: new Map(), invalid: new Map() }
    if (batch.payload !== undefined && batch.count !== undefined && !holdsObject(batch.payload)) counts.raw = batch.count
    else for (const record of batch.lines()) this.#add(record, counts)
    return counts
  }

  /** Under the names that metrics have for schemas. */
  #named (counts: ReadonlyMap<string, number>): Map<string, number> {
    const named = new Map<string, number>()
    for (const [schema, count] of counts) add(named, this.#isNamed(schema) ? metricName(schema) : unknownSchema, count)
    return named
  }

  /** A processor knows the schemas that it names; how many those are, it alone knows. */
  #isNamed (schema: string): boolean {
    if (this.#known.has(schema) || this.#foreign.has(schema)) return true
    if (schema === unknownSchema || this.#foreign.size >= mostForeign) return false
    this.#foreign.add(schema)
    return true
  }

  #add (record: string, counts: Counts): void {
    const name = schemaInText(record)
    if (name !== null && name !== eventErrorSchema.name && this.#known.has(name)) return add(counts.valid, metricName(name))
    const event = parsed(record)
    const identity = identifyEvent(event)
    if (identity === null) counts.raw++
    else if (identity.name === eventErrorSchema.name) add(counts.invalid, this.#nameOf(schemaAtFault(event)))
    else add(counts.valid, this.#nameOf(identity.name, identity.revision))
  }

  /** A valid event of a schema that is nowhere here comes from a remote repository, if there is one. */
  #nameOf (schema: string, revision?: number): string {
    if (schema !== eventErrorSchema.name && this.#known.has(schema)) return metricName(schema)
    if (revision !== undefined && this.#schemas.canFetch(schema, revision)) void this.#schemas.fetch(schema, revision)
    return unknownSchema
  }
}

/** In characters that StatsD takes. */
export function metricName (schema: string): string {
  return schema.replace(/[^A-Za-z0-9_-]/g, '_')
}

function add (counts: Map<string, number>, name: string, count = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + count)
}

const none: ReadonlyMap<string, number> = new Map()
const openingBrace = 0x7b
const nextObject = Buffer.from('\n{')

/** Whether any record begins as a JSON object does; all others are lines that nobody has parsed. */
function holdsObject (payload: Buffer): boolean {
  return payload[0] === openingBrace || payload.includes(nextObject)
}

/**
 * The schema of an event that has the word once, as most have: then it is the capsule's, and no parsing is needed. Inside a
 * string its quotes would be escaped. Null when that cannot be told.
 */
function schemaInText (record: string): string | null {
  if (!record.startsWith('{')) return null
  const at = record.indexOf(key)
  if (at === -1 || !record.startsWith(compact, at) || record.includes(key, at + key.length)) return null
  const start = at + compact.length
  return record.slice(start, record.indexOf('"', start))
}
