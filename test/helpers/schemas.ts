import { readDefinition } from '../../lib/event/modern-schema.js'
import type { Problem } from '../../lib/event/schemas.js'
import { compileValidator } from '../../lib/event/validator.js'

/** A capsule of nothing but what it needs. */
const capsule = {
  type: 'object',
  properties: { event: {}, schema: {}, revision: {}, wiki: { type: 'string' } },
  required: ['event', 'schema', 'revision'],
  additionalProperties: false
}

/** Validates events against a schema's document, as `Test/1`, in a capsule. */
export function eventValidator (definition: unknown): (event: unknown) => Problem | null {
  const validate = compileValidator({ name: 'Test', revision: 1, capsule, ...readDefinition(definition) })
  return event => validate({ event, schema: 'Test', revision: 1 })
}

/** Validates whole events, in the style that carries `meta` or any other. */
export function wholeValidator (definition: unknown): (event: object) => Problem | null {
  return compileValidator({ name: 'Test', revision: 1, capsule, ...readDefinition(definition), style: 'meta' })
}
