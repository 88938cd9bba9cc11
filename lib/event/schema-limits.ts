import { ConfigError } from '../errors.js'
import { compilePattern } from './regexp.js'
import type { JsonSchema } from './schemas.js'
import { escapePointer, isObject, subschemas, type PlacedSchema } from './subschemas.js'

/** What a schema may have at most. At all limits together, loading it takes about a second. */
export const schemaLimits = {
  /** Objects, lists and values, before and after translation. */
  values: 20_000,
  /** How deep these nest. */
  depth: 64,
  /** Schemas inside it: one for each field, item or alternative. */
  schemas: 5000,
  /** Fields, items and alternatives beside one another, those above them counted too: generated code nests by them. Beyond 1600 V8 compiles it anew for every event. */
  breadth: 1200,
  /** Members of one `anyOf`, `oneOf`, `allOf`, or in draft-03 `extends`, or a union of types. */
  alternatives: 200,
  patterns: 100,
  /** Instructions of all patterns together. */
  patternSize: 10_000
} as const

/** Counts what an alias of YAML repeats each time, and so ends for one that contains itself. */
export function checkSize (document: JsonSchema): void {
  let values = 0
  const visit = (value: unknown, depth: number): void => {
    if (++values > schemaLimits.values) throw new ConfigError('bad-schema', `the schema has more than ${schemaLimits.values} values; make it smaller`)
    if (typeof value !== 'object' || value === null) return
    if (depth > schemaLimits.depth) throw new ConfigError('bad-schema', `the schema nests deeper than ${schemaLimits.depth} levels; make it flatter`)
    for (const inner of Object.values(value)) visit(inner, depth + 1)
  }
  visit(document, 1)
}

/** The same of schemas: what a validator is made of. */
export function checkBreadth (root: JsonSchema): void {
  let schemas = 0
  const visit = (schema: JsonSchema, pointer: string, above: number): void => {
    if (++schemas > schemaLimits.schemas) throw new ConfigError('bad-schema', `the schema has more than ${schemaLimits.schemas} parts; make it smaller`)
    for (const keyword of ['allOf', 'anyOf', 'oneOf']) {
      const members = schema[keyword]
      if (Array.isArray(members) && members.length > schemaLimits.alternatives) throw new ConfigError('bad-schema', `${pointer.slice(0, 200)}/${keyword}: has ${members.length} members, at most ${schemaLimits.alternatives} are taken; make it smaller`)
    }
    const inner = subschemas(schema)
    const breadth = above + inner.length
    if (breadth > schemaLimits.breadth) throw new ConfigError('bad-schema', `${pointer === '' ? 'the schema' : pointer.slice(0, 200)} has ${breadth} fields, items and alternatives, with those around it; at most ${schemaLimits.breadth} are taken; make it smaller`)
    for (const part of inner) visit(part.schema, pointer + part.pointer, breadth)
  }
  visit(root, '', 0)
}

/** What the meta-schemas do not say. */
export function checkKeywords (schemas: readonly PlacedSchema[]): void {
  const patterns = new Map<string, number>()
  const add = (pattern: string, pointer: string): void => {
    if (!patterns.has(pattern)) patterns.set(pattern, sizeOf(pattern, pointer))
    if (patterns.size > schemaLimits.patterns) throw new ConfigError('bad-schema', `the schema has more than ${schemaLimits.patterns} patterns; use fewer`)
    const size = [...patterns.values()].reduce((sum, one) => sum + one, 0)
    if (size > schemaLimits.patternSize) throw new ConfigError('bad-schema', `the patterns of the schema have ${size} steps together, at most ${schemaLimits.patternSize} are taken; use smaller repeat counts, or fewer patterns`)
  }
  for (const { pointer, schema } of schemas) {
    if (Array.isArray(schema['enum']) && schema['enum'].length === 0) throw new ConfigError('bad-schema', `${pointer}/enum: must be a list of at least one value`)
    if (typeof schema['pattern'] === 'string') add(schema['pattern'], `${pointer}/pattern`)
    const named = schema['patternProperties']
    if (isObject(named)) for (const pattern of Object.keys(named)) add(pattern, `${pointer}/patternProperties/${escapePointer(pattern)}`)
  }
}

function sizeOf (pattern: string, pointer: string): number {
  try {
    return compilePattern(pattern).size
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError('bad-schema', `${pointer.slice(0, 200)}: ${error.message}`, { cause: error })
  }
}
