import type { JsonSchema } from '../event/schemas.js'
import { isObject, lookUp, subschemas } from '../event/subschemas.js'

/** What a schema says of a value. Names and values that its owner has written down are nobody's secret; all others may be. */
export interface Shape {
  /** Of a field; null if the schema does not name it. */
  field (name: string): Shape | null
  /** Of the items of an array. */
  items (): Shape
  /** Whether the schema names this string as a value. */
  names (text: string): boolean
}

/** Of a value of which nobody has said anything. */
export const noShape: Shape = { field: () => null, items: () => noShape, names: () => false }

/** Schemas that are followed for one value, at most. */
const mostSchemas = 200

const ofItems: ReadonlySet<string> = new Set(['additionalItems', 'contains', 'items', 'prefixItems', 'unevaluatedItems'])

/** Of what a schema, in modern form, describes: `root`, or parts of it. */
export function shapeOf (root: JsonSchema, parts: readonly unknown[] = [root]): Shape {
  const schemas = allOf(root, parts)
  return {
    field (name) {
      const found = schemas.flatMap(({ properties }) => isObject(properties) && Object.hasOwn(properties, name) ? [properties[name]] : [])
      const isNamed = found.length > 0 || schemas.some(({ required }) => Array.isArray(required) && required.includes(name))
      return isNamed ? shapeOf(root, found) : null
    },
    items: () => shapeOf(root, schemas.flatMap(schema => subschemas(schema).filter(({ keyword }) => ofItems.has(keyword)).map(({ schema }) => schema))),
    names: text => schemas.some(schema => schema['const'] === text || (Array.isArray(schema['enum']) && schema['enum'].includes(text)))
  }
}

/** The schemas, and all that look at the same value. References by name are not followed: what is not found is not shown. */
function allOf (root: JsonSchema, parts: readonly unknown[]): JsonSchema[] {
  const found = new Set(parts.filter(isObject))
  // grows while it is walked
  for (const schema of found) {
    if (found.size > mostSchemas) break
    const { $ref } = schema
    const target = typeof $ref === 'string' && $ref.startsWith('#') ? lookUp(root, $ref.slice(1)) : undefined
    if (isObject(target)) found.add(target)
    for (const inner of subschemas(schema)) if (inner.inPlace) found.add(inner.schema)
  }
  return [...found]
}

/** Fields of every capsule. */
const ofCapsule: ReadonlySet<string> = new Set(['schema', 'revision', 'wiki', 'webHost', 'recvFrom', 'seqId', 'timestamp', 'dt', 'uuid', 'userAgent', 'clientIp', 'samplingRate', 'ip', 'topic', 'meta'])
/** Those whose values are names of things, not of people, if they look like it. */
const ofThings: ReadonlySet<string> = new Set(['schema', 'wiki'])

/** A few words joined, with three digits in a row at most: no address, no number of anybody's, hardly a token. */
const nameOfThing: Shape = { ...noShape, names: text => /^[A-Za-z][A-Za-z0-9_./-]{0,39}$/.test(text) && (text.match(/\d/g) ?? []).length <= 3 }
const metadata: Shape = { ...noShape, field: name => name === 'schema_uri' ? noShape : null }

/** Of a capsule around an event. */
export function capsuleOf (event: Shape): Shape {
  return {
    ...noShape,
    field: name => name === 'event' ? event : !ofCapsule.has(name) ? null : ofThings.has(name) ? nameOfThing : name === 'meta' ? metadata : noShape
  }
}
