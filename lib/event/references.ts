import { ConfigError } from '../errors.js'
import type { JsonSchema } from './schemas.js'
import { isObject, lookUp, subschemas, type PlacedSchema } from './subschemas.js'

/** What a reference leads to: undefined if out of the document, null if to nothing in it. */
export type Resolve = (ref: string) => unknown

/** Finds what references lead to by JSON pointer, `$id` and anchor, as long as they do not leave the document. */
export function createResolver (root: JsonSchema, schemas: readonly PlacedSchema[]): Resolve {
  const named = new Map<string, JsonSchema>()
  for (const { schema } of schemas) {
    if (typeof schema['$id'] === 'string') named.set(schema['$id'].replace(/#$/, ''), schema)
    if (typeof schema['$anchor'] === 'string') named.set(`#${schema['$anchor']}`, schema)
  }
  return ref => {
    const [base = '', fragment = ''] = ref.split('#', 2)
    const start = base === '' ? root : named.get(base)
    if (start === undefined || fragment === '') return start
    return (fragment.startsWith('/') ? lookUp(start, fragment) : named.get(`#${fragment}`)) ?? null
  }
}

/**
 * Checks that every reference of a schema in modern form (and of all `schemas` inside it) stays in it and leads to something, and that none leads back to itself
 * without going into a field or item, which no validator would ever finish. Throws `ConfigError`.
 */
export function checkReferences (root: JsonSchema, schemas: readonly PlacedSchema[]): void {
  const resolve = createResolver(root, schemas)
  const finished = new Set<JsonSchema>()
  const known = new Set(schemas.map(({ schema }) => schema))
  for (const { pointer, schema } of schemas) {
    const { $ref } = schema
    if (typeof $ref !== 'string') continue
    const place = `${pointer}/$ref: ${JSON.stringify($ref.slice(0, 200))}`
    const target = resolve($ref)
    if (target === undefined) throw new ConfigError('bad-schema', `${place} leads out of the schema; copy what it refers to into the schema`)
    // in what is no place for a schema it would be compiled, and nobody would have looked at it before
    if (typeof target !== 'boolean' && (!isObject(target) || !known.has(target))) throw new ConfigError('bad-schema', `${place} leads to no schema; put what it refers to into definitions`)
    if (isEndless(schema, resolve, new Set(), finished)) throw new ConfigError('bad-schema', `${place} leads back to itself; it must go into a field or an item first`)
  }
}

function isEndless (schema: JsonSchema, resolve: Resolve, above: Set<JsonSchema>, finished: Set<JsonSchema>): boolean {
  if (above.has(schema)) return true
  if (finished.has(schema)) return false
  above.add(schema)
  const next: unknown[] = subschemas(schema).filter(({ inPlace }) => inPlace).map(({ schema }) => schema)
  if (typeof schema['$ref'] === 'string') next.push(resolve(schema['$ref']))
  const endless = next.some(schema => isObject(schema) && isEndless(schema, resolve, above, finished))
  above.delete(schema)
  finished.add(schema)
  return endless
}
