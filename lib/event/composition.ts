import { eventErrorSchema } from './event-error.js'
import { identifyEvent } from './identity.js'

/** Names of schemas, and numbers of records of each: a `Composition`. */
type Counts = ReadonlyMap<string, number>

/** What records are counted as that nobody has looked into. */
const unclassified = '-'

/** What event errors are counted as whose schema is none that is known. */
export const unknownSchema = 'unknown'

/** The name under which event errors about a schema are counted. */
export function errorsOf (schema: string): string {
  return `${eventErrorSchema.name}:${schema}`
}

/** What is left of a composition without these records, which are some of those it is of. */
export function withoutRecords (counts: Counts, records: Iterable<string>): Map<string, number> {
  const left = new Map(counts)
  for (const record of records) {
    const name = nameAmong(left, record)
    const count = left.get(name) ?? 0
    if (count > 1) left.set(name, count - 1)
    else left.delete(name)
  }
  return left
}

/** What some of the records are that a composition is of. */
export function compositionOf (counts: Counts, records: Iterable<string>): Map<string, number> {
  const found = new Map<string, number>()
  for (const record of records) {
    const name = nameAmong(counts, record)
    found.set(name, (found.get(name) ?? 0) + 1)
  }
  return found
}

/** Under which of the names a record is counted; the first, when it is not told from others. */
export function nameAmong (counts: Counts, record: string): string {
  const [first = ''] = counts.keys()
  if (counts.size <= 1) return first
  const event = parsed(record)
  const name = identifyEvent(event)?.name ?? ''
  const own = name === eventErrorSchema.name ? errorsOf(schemaAtFault(event)) : name
  return [own, errorsOf(unknownSchema), unknownSchema].find(name => counts.has(name)) ?? first
}

/** Of an event error: the schema of the event that it stands for. */
export function schemaAtFault ({ event }: { event?: unknown }): string {
  if (typeof event !== 'object' || event === null || !('schema' in event)) return unknownSchema
  return typeof event.schema === 'string' ? event.schema : unknownSchema
}

/** An empty object for what is no JSON object. */
export function parsed (record: string): object {
  if (!record.startsWith('{')) return {}
  try {
    return JSON.parse(record) as object
  } catch {
    return {}
  }
}

/** A composition as what it says of validity; null when it does not say that of every record. */
export function validityOf (counts: Counts): { readonly valid: Map<string, number>, readonly invalid: Map<string, number> } | null {
  if (counts.size === 0 || counts.has(unclassified)) return null
  const valid = new Map<string, number>()
  const invalid = new Map<string, number>()
  for (const [name, count] of counts) {
    if (name === eventErrorSchema.name) invalid.set(unknownSchema, (invalid.get(unknownSchema) ?? 0) + count)
    else if (name.startsWith(errorPrefix)) invalid.set(name.slice(errorPrefix.length), (invalid.get(name.slice(errorPrefix.length)) ?? 0) + count)
    else valid.set(name, count)
  }
  return { valid, invalid }
}

const errorPrefix = errorsOf('')
