import type { JsonSchema } from './schemas.js'

/** What a keyword, of draft-04 or later, holds: a schema, a list of them, a map by name, or, where it varies, one or the other. */
type Holding = 'schema' | 'list' | 'map' | 'schema or list'

const holdings: ReadonlyMap<string, Holding> = new Map<string, Holding>([
  ...['additionalItems', 'additionalProperties', 'contains', 'else', 'if', 'not', 'propertyNames', 'then', 'unevaluatedItems', 'unevaluatedProperties'].map((keyword): [string, Holding] => [keyword, 'schema']),
  ...['allOf', 'anyOf', 'oneOf', 'prefixItems'].map((keyword): [string, Holding] => [keyword, 'list']),
  ...['$defs', 'definitions', 'dependencies', 'dependentSchemas', 'patternProperties', 'properties'].map((keyword): [string, Holding] => [keyword, 'map']),
  ['items', 'schema or list']
])

/** Keywords whose schemas look at the same value as the schema that they stand in. */
const inPlace: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'dependencies', 'dependentSchemas', 'else', 'if', 'not', 'oneOf', 'then'])

export interface Subschema {
  /** The keyword that holds it. */
  readonly keyword: string
  /** JSON pointer from the schema that holds it: `/properties/action`. */
  readonly pointer: string
  readonly schema: JsonSchema
  /** Applies to the same value, not to a part of it. */
  readonly inPlace: boolean
}

export function isObject (value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The schemas directly inside a schema. Booleans are left out, and so is whatever is not a schema. */
export function subschemas (schema: JsonSchema): Subschema[] {
  const found: Subschema[] = []
  for (const keyword of Object.keys(schema)) {
    const holding = holdings.get(keyword)
    if (holding === undefined) continue
    const add = (pointer: string, value: unknown): void => {
      if (isObject(value)) found.push({ keyword, pointer, schema: value, inPlace: inPlace.has(keyword) })
    }
    const value = schema[keyword]
    if (Array.isArray(value)) {
      if (holding !== 'map' && holding !== 'schema') value.forEach((item, index) => { add(`/${keyword}/${index}`, item) })
    } else if (holding === 'map' && isObject(value)) {
      for (const name of Object.keys(value)) add(`/${keyword}/${escapePointer(name)}`, value[name])
    } else if (holding !== 'list' && holding !== 'map') {
      add(`/${keyword}`, value)
    }
  }
  return found
}

/** A schema and its JSON pointer from the top of the document. */
export interface PlacedSchema {
  readonly pointer: string
  readonly schema: JsonSchema
}

/** A schema and all schemas inside it; what `$ref` leads to is not visited again. */
export function allSchemas (root: JsonSchema): PlacedSchema[] {
  const found: PlacedSchema[] = [{ pointer: '', schema: root }]
  // grows while it is walked
  for (const { pointer, schema } of found) {
    for (const inner of subschemas(schema)) found.push({ pointer: pointer + inner.pointer, schema: inner.schema })
  }
  return found
}

/** A copy in which `change` was applied to every schema, the innermost first; it gets what it was, too. Whatever is not a schema stays. */
export function mapSchemas (schema: JsonSchema, change: (schema: JsonSchema, original: JsonSchema) => JsonSchema): JsonSchema {
  const inner = (value: unknown): unknown => isObject(value) ? mapSchemas(value, change) : value
  return change(Object.fromEntries(Object.entries(schema).map(([keyword, value]) => {
    const holding = holdings.get(keyword)
    if (holding === undefined) return [keyword, value]
    if (Array.isArray(value)) return [keyword, value.map(inner)]
    if (holding !== 'map' || !isObject(value)) return [keyword, inner(value)]
    return [keyword, Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, inner(schema)]))]
  })), schema)
}

/** RFC 6901, section 3. */
export function escapePointer (name: string | number): string {
  return String(name).replaceAll('~', '~0').replaceAll('/', '~1')
}

/** What a JSON pointer, as the fragment of a `$ref`, leads to (RFC 6901, section 6); undefined if to nothing. */
export function lookUp (document: unknown, fragment: string): unknown {
  let at = document
  for (const part of fragment.split('/').slice(1)) {
    const name = decodeFragment(part).replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = (at as Record<string, unknown>)[name]
  }
  return at
}

function decodeFragment (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
