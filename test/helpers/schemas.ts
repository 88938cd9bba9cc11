import { readDefinition } from '../../lib/event/modern-schema.js'
import { isRefused, type Problem, type RefusedSchema, type Schema, type SchemaRepository } from '../../lib/event/schemas.js'
import { compileInspector, compileValidator } from '../../lib/event/validator.js'

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

/** An event of revision 1 of a schema, in a valid capsule. */
export function capsuleOf (schema: string, event: unknown, fields: object = {}): object {
  return { schema, revision: 1, wiki: 'enwiki', recvFrom: 'cp1', uuid: '16f38999d94d549cb426b5fb32bc8bba', event, ...fields }
}

export function usable (repository: SchemaRepository, name: string, revision: number): Schema {
  const schema = repository.find(name, revision)
  if (schema === undefined || isRefused(schema)) throw new Error(`${name}/${revision} is ${schema === undefined ? 'unknown' : `refused: ${schema.reason}`}`)
  return schema
}

export function refused (repository: SchemaRepository, name: string, revision: number): RefusedSchema {
  const schema = repository.find(name, revision)
  if (schema === undefined || !isRefused(schema)) throw new Error(`${name}/${revision} is not refused`)
  return schema
}

/** The same as `eventValidator`, but all problems. */
export function eventInspector (definition: unknown): (event: unknown) => Problem[] {
  const inspect = compileInspector({ name: 'Test', revision: 1, capsule, ...readDefinition(definition) })
  return event => inspect({ event, schema: 'Test', revision: 1 })
}
