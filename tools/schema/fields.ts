import { createResolver, type Resolve } from '../../lib/event/references.js'
import type { JsonSchema } from '../../lib/event/schemas.js'
import { allSchemas, escapePointer, isObject } from '../../lib/event/subschemas.js'

/** A field that a schema names. */
export interface DeclaredField {
  /** Names from the top of what the schema describes; `*` for the items of an array. */
  readonly path: readonly string[]
  /** JSON pointer of its schema in the document, as far as the document is as it was written: a `$ref` is not followed in it. */
  readonly pointer: string
  /** All that is said of it in one, what it refers to and extends included; what is said first counts. */
  readonly schema: JsonSchema
  readonly isRequired: boolean
  /** Has fields of its own. */
  readonly isGroup: boolean
}

/** Of a schema that contains itself, and as deep as tables go. */
const deepest = 20
/** Schemas within a schema grow with each reference. */
const mostFields = 5000

/** The fields of a schema in modern form, in its order, groups before what is in them. */
export function declaredFields (root: JsonSchema): DeclaredField[] {
  const found: DeclaredField[] = []
  collect(root, { path: [], pointer: '', inside: new Set() }, { resolve: createResolver(root, allSchemas(root)), found })
  return found
}

interface Place {
  readonly path: readonly string[]
  readonly pointer: string
  readonly inside: ReadonlySet<JsonSchema>
}

interface Walk {
  readonly resolve: Resolve
  readonly found: DeclaredField[]
}

function collect (schema: unknown, { path, pointer, inside }: Place, walk: Walk): void {
  const parts = partsOf(schema, walk.resolve)
  if (path.length >= deepest || parts.some(part => inside.has(part))) return
  const within = new Set([...inside, ...parts])
  const required = new Set(parts.flatMap(part => Array.isArray(part['required']) ? part['required'] as unknown[] : []))
  for (const [name, field] of propertiesIn(parts)) {
    const place = { path: [...path, name], pointer: `${pointer}/properties/${escapePointer(name)}`, inside: within }
    if (walk.found.length >= mostFields) return
    const own = partsOf(field, walk.resolve)
    walk.found.push({ path: place.path, pointer: place.pointer, schema: merged(own), isRequired: required.has(name), isGroup: propertiesIn(own).size > 0 })
    collect(field, place, walk)
  }
  for (const { items } of parts) {
    if (isObject(items)) collect(items, { path: [...path, '*'], pointer: `${pointer}/items`, inside: within }, walk)
  }
}

function partsOf (schema: unknown, resolve: Resolve): JsonSchema[] {
  const parts = new Set(isObject(schema) ? [schema] : [])
  // grows while it is walked
  for (const { $ref, allOf } of parts) {
    if (Array.isArray(allOf)) for (const member of allOf) if (isObject(member)) parts.add(member)
    const target = typeof $ref === 'string' ? resolve($ref) : undefined
    if (isObject(target)) parts.add(target)
  }
  return [...parts]
}

function propertiesIn (parts: readonly JsonSchema[]): Map<string, unknown> {
  const found = new Map<string, unknown>()
  for (const { properties } of parts) {
    if (!isObject(properties)) continue
    for (const [name, field] of Object.entries(properties)) if (!found.has(name)) found.set(name, field)
  }
  return found
}

function merged (parts: readonly JsonSchema[]): JsonSchema {
  return Object.assign({}, ...[...parts].reverse()) as JsonSchema
}
