import type { Metrics } from '../metrics.js'
import { parsed, schemaAtFault, unknownSchema } from './composition.js'
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
export function countSchemas ({ valid, invalid }: Counts, metrics: Metrics): void {
  for (const [schema, count] of valid) metrics.increment(`schema.${schema}`, count)
  for (const [schema, count] of invalid) metrics.increment(`schema.${schema}.invalid`, count)
}

const key = '"schema"'
const compact = '"schema":"'

/** Counts the records of streams by what they are, mostly without parsing them. */
export class Tally {
  readonly #schemas: SchemaRepository
  readonly #known: KnownNames

  constructor (schemas: SchemaRepository) {
    this.#schemas = schemas
    this.#known = new KnownNames(schemas)
  }

  /** `batch` is a batch of a stream, or whatever has lines. */
  count (batch: { lines (): readonly string[] }): Counts {
    const counts: Counts = { raw: 0, valid: new Map(), invalid: new Map() }
    for (const record of batch.lines()) this.#add(record, counts)
    return counts
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

/** A schema's name in characters that StatsD takes. */
export function metricName (schema: string): string {
  return schema.replace(/[^A-Za-z0-9_-]/g, '_')
}

function add (counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
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
