import { createResolver } from './references.js'
import type { JsonSchema } from './schemas.js'
import { allSchemas, isObject, mapSchemas, subschemas } from './subschemas.js'

/** A keyword of ours: what it costs, in steps, to look at a value once with the schema that it stands in. */
export const costKeyword = 'vanadium:cost'

export interface Cost {
  readonly steps: number
  /** The fields of an object are gone through as well. */
  readonly byField: boolean
}

/** Keywords whose schema looks at any number of parts of a value. */
const repeating: ReadonlySet<string> = new Set([
  'additionalItems', 'additionalProperties', 'contains', 'items', 'patternProperties', 'propertyNames', 'unevaluatedItems', 'unevaluatedProperties'
])
/** Keywords that go through all fields of an object even where no schema looks at them. */
const byField = ['additionalProperties', 'maxProperties', 'minProperties', 'patternProperties', 'propertyNames', 'unevaluatedProperties']

/**
 * A copy in which every schema says what it costs that may be looked at more often than it is written: it holds for any number of parts,
 * it is referred to, or it goes through all fields beside others that do. What the rest costs is in that of the schema around it.
 */
export function counted (root: JsonSchema): JsonSchema {
  const costly = costlyIn(root)
  if (costly.size === 0) return root
  return mapSchemas(root, (schema, original) => costly.has(original) ? { ...schema, [costKeyword]: costOf(original, costly) } : schema)
}

function costlyIn (root: JsonSchema): Set<unknown> {
  const costly = new Set<unknown>()
  const schemas = allSchemas(root)
  const resolve = createResolver(root, schemas)
  const visit = (schema: JsonSchema, base: JsonSchema): void => {
    const { $id, $ref } = schema
    const start = typeof $id === 'string' ? schema : base
    if (typeof $ref === 'string') {
      costly.add(resolve($ref))
      // from the nearest id on, as ajv has it
      costly.add(createResolver(start, [])($ref))
    }
    for (const { keyword, schema: inner, inPlace } of subschemas(schema)) {
      if (repeating.has(keyword) || (inPlace && byField.some(name => Object.hasOwn(inner, name)))) costly.add(inner)
      visit(inner, start)
    }
  }
  visit(root, root)
  return costly
}

function costOf (schema: JsonSchema, costly: ReadonlySet<unknown>): Cost {
  let steps = 0
  const add = (value: unknown): void => {
    steps++
    if (typeof value !== 'object' || value === null || (value !== schema && costly.has(value))) return
    for (const [keyword, inner] of Object.entries(value)) if (!isObject(value) || !definitions.includes(keyword)) add(inner)
  }
  add(schema)
  return { steps, byField: byField.some(name => Object.hasOwn(schema, name)) }
}

/** They cost nothing where they stand. */
const definitions = ['$defs', 'definitions']
