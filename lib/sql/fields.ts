import { RecordError } from '../errors.js'
import type { JsonSchema } from '../event/schemas.js'

/** What a field's values are, as far as its schema allows only one thing. `text` is everything else: unions, arrays, free objects. */
export type FieldKind = 'boolean' | 'integer' | 'number' | 'string' | 'date-time' | 'uuid' | 'text'

/** One value of an event that gets a column of its own. */
export interface Field {
  /** Keys from the top of what the schema describes; empty when the whole is one value. */
  readonly path: readonly string[]
  readonly kind: FieldKind
  /** `maxLength` of a string, in characters; null if there is none. */
  readonly maxLength: number | null
  readonly description: string
}

/** InnoDB takes 1,017 columns a table, the capsule's among them. */
const mostFields = 1000

/** What is nested deeper stays together, as JSON. */
const deepest = 20

/**
 * The fields of a schema in its own order, nested objects flattened. An object without declared properties, and one that
 * contains itself, is one field. Throws `RecordError` when there are more than a table can have.
 */
export function fieldsOf (schema: JsonSchema): Field[] {
  const fields: Field[] = []
  collect(schema, [], new Set(), { root: schema, fields })
  return fields
}

interface Walk {
  readonly root: JsonSchema
  readonly fields: Field[]
}

/** `inside` are the schemas that the path goes through: meeting one again means recursion. */
function collect (schema: unknown, path: readonly string[], inside: ReadonlySet<unknown>, walk: Walk): void {
  const parts = partsOf(schema, walk.root)
  const type = onlyType(parts, walk.root)
  const properties = type === 'object' ? propertiesOf(parts) : []
  if (properties.length > 0 && path.length < deepest && !parts.some(part => inside.has(part))) {
    const below = new Set([...inside, ...parts])
    for (const [key, property] of properties) collect(property, [...path, key], below, walk)
    return
  }
  if (walk.fields.length === mostFields) {
    throw new RecordError('refused-schema', `the schema has more than ${mostFields} fields, more than a table can have; split it`)
  }
  walk.fields.push({ path, kind: kindOf(type, parts), maxLength: maxLengthOf(parts), description: descriptionOf(parts) })
}

function kindOf (type: string | null, parts: readonly JsonSchema[]): FieldKind {
  switch (type) {
    case 'boolean': case 'integer': case 'number': return type
    case 'string': break
    default: return 'text'
  }
  const formats = parts.map(part => part['format'])
  if (formats.includes('date-time')) return 'date-time'
  return formats.includes('uuid5-hex') ? 'uuid' : 'string'
}

/** A schema, what it refers to and what it extends: all of them hold for the same value. */
function partsOf (schema: unknown, root: JsonSchema): JsonSchema[] {
  const parts = new Set<JsonSchema>()
  const due = [schema]
  while (due.length > 0) {
    const part = due.pop()
    if (!isObject(part) || parts.has(part)) continue
    parts.add(part)
    due.push(...listOf(part['allOf']).reverse(), dereference(part['$ref'], root))
  }
  return [...parts]
}

/** A JSON pointer into the same document (RFC 6901); references to other documents are refused when a schema is loaded. */
function dereference (ref: unknown, root: JsonSchema): unknown {
  if (typeof ref !== 'string' || !/^#(?:\/|$)/.test(ref)) return undefined
  let found: unknown = root
  for (const key of ref.slice(1).split('/').slice(1)) {
    if (!isObject(found)) return undefined
    found = found[decodePointer(key)]
  }
  return found
}

function decodePointer (key: string): string {
  try {
    return decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch {
    return key
  }
}

/** The one type that values have beside null; null when they may have several, or the schema does not tell. */
function onlyType (parts: readonly JsonSchema[], root: JsonSchema): string | null {
  const types = new Set(allowedTypes(parts, root, 0))
  types.delete('null')
  if (types.delete('fraction')) {
    types.delete('integer')
    types.add('number')
  }
  const [only = null, ...others] = types
  return others.length === 0 ? only : null
}

type Types = ReadonlySet<string>

/** Choices within choices are followed this far. */
const deepestChoice = 3

/** Every type that all parts allow, numbers as `integer` and `fraction`; null when none of them says anything. */
function allowedTypes (parts: readonly JsonSchema[], root: JsonSchema, depth: number): Types | null {
  return parts.flatMap(part => [typesSaid(part), typesChosen(part['anyOf'], root, depth), typesChosen(part['oneOf'], root, depth)])
    .filter(types => types !== null)
    .reduce<Types | null>((all, types) => all === null ? types : new Set([...all].filter(type => types.has(type))), null)
}

function typesSaid ({ type, enum: values, const: value, properties, items }: JsonSchema): Types | null {
  if (type !== undefined) {
    const types = listOf(type)
    return types.includes('any') ? null : new Set(types.flatMap(type => type === 'number' ? ['integer', 'fraction'] : [String(type)]))
  }
  if (values !== undefined) return new Set(listOf(values).map(typeOf))
  if (value !== undefined) return new Set([typeOf(value)])
  if (isObject(properties)) return new Set(['object'])
  return items === undefined ? null : new Set(['array'])
}

/** What one of several schemas allows; null when one of them allows anything. */
function typesChosen (choices: unknown, root: JsonSchema, depth: number): Types | null {
  if (choices === undefined || depth === deepestChoice) return null
  const all = listOf(choices).map(choice => allowedTypes(partsOf(choice, root), root, depth + 1))
  return all.includes(null) ? null : new Set(all.flatMap(types => [...types ?? []]))
}

function typeOf (value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  // no column for integers would take one of more than 64 bits
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < 2 ** 63 ? 'integer' : 'fraction'
  return typeof value
}

function propertiesOf (parts: readonly JsonSchema[]): Array<[string, unknown]> {
  const properties = new Map<string, unknown>()
  for (const part of parts) {
    if (!isObject(part['properties'])) continue
    for (const [key, property] of Object.entries(part['properties'])) if (!properties.has(key)) properties.set(key, property)
  }
  return [...properties]
}

function maxLengthOf (parts: readonly JsonSchema[]): number | null {
  const limits = parts.map(part => part['maxLength']).filter(limit => typeof limit === 'number')
  return limits.length === 0 ? null : Math.min(...limits)
}

function descriptionOf (parts: readonly JsonSchema[]): string {
  return parts.map(part => part['description']).find(text => typeof text === 'string') ?? ''
}

function isObject (value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function listOf (value: unknown): unknown[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}
