import { isInternal, isRefused, type Schema, type SchemaRepository } from '../../lib/event/schemas.js'
import { fieldsOf, oneOf, sampleOf } from './sample-values.js'

/** What a client sends: an event with what it says about itself. */
export type Sample = Record<string, unknown> & { readonly event: Record<string, unknown> }

/** Makes events of one schema. */
export interface Sampler {
  readonly schema: Schema
  make (): Sample
}

/** Schemas of vanadium's own, of which nobody sends events, besides internal ones. */
const unsent = new Set(['EventCapsule', 'EventError'])
/** How often a schema is tried before its samples are trusted. */
const trials = 20

/**
 * A sampler for the newest revision of each schema. Left out are schemas of whole events (`meta`), and those for which no valid
 * event can be made up.
 */
export function samplersOf (schemas: SchemaRepository): Sampler[] {
  const newest = new Map<string, Schema>()
  for (const schema of schemas.list()) {
    if (!isRefused(schema) && schema.style === 'capsule' && !unsent.has(schema.name) && !isInternal(schema) && fieldsOf(schema.modern).length > 0) newest.set(schema.name, schema)
  }
  return [...newest.values()].map(schema => ({ schema, make: () => makeSample(schema) })).filter(isTrusted)
}

function makeSample ({ name, revision, modern }: Schema): Sample {
  return { schema: name, revision, wiki: oneOf(['enwiki', 'frwiki', 'eswiki']), webHost: 'demo.example.org', event: sampleOf({ ...modern, type: 'object' }) as Sample['event'] }
}

function isTrusted ({ schema, make }: Sampler): boolean {
  const added = { recvFrom: 'localhost', seqId: 1, timestamp: 1_400_000_000, uuid: '0'.repeat(32) }
  return Array.from({ length: trials }, make).every(sample => schema.validate({ ...sample, ...added }) === null)
}

/** Ways of sending something that is no valid event: each makes the text that a client sends instead. */
export const mistakes: ReadonlyArray<(sampler: Sampler) => string> = [
  // cut off, as long URLs are
  ({ make }) => JSON.stringify(make()).slice(0, -12),
  // a schema that nobody published
  ({ make, schema }) => JSON.stringify({ ...make(), schema: `${schema.name}Draft` }),
  // a revision that is a word
  ({ make }) => JSON.stringify({ ...make(), revision: 'latest' }),
  // a field that the schema does not list
  ({ make }) => changed(make(), { colour: 'green' }),
  // a field of the wrong type
  ({ make, schema }) => changed(make(), { [oneOf(fieldsOf(schema.modern))[0]]: ['not', { what: 'is expected' }] }),
  // a required field that is missing
  ({ make, schema }) => {
    const required = fieldsOf(schema.modern).filter(([,, required]) => required)
    return required.length === 0 ? changed(make(), { wiki: 1 }) : changed(make(), { [oneOf(required)[0]]: undefined })
  }
]

function changed (sample: Sample, change: Record<string, unknown>): string {
  return JSON.stringify({ ...sample, event: { ...sample.event, ...change } })
}
