import { compilePattern } from './regexp.js'
import type { Resolve } from './references.js'
import type { JsonSchema } from './schemas.js'
import { isObject } from './subschemas.js'

/** The document that a schema is in. */
export interface Root {
  readonly root: JsonSchema
  readonly resolve: Resolve
}

/** Schemas that all hold for one value. */
export type Parts = readonly JsonSchema[]

// the same objects each time: what was compared is known by them
const never: JsonSchema = { not: {} }
export const anything: JsonSchema = {}

export function asSchema (value: unknown): JsonSchema {
  return isObject(value) ? value : value === false ? never : anything
}

export function isNever (parts: Parts): boolean {
  return parts.some(({ not }) => not === true || (isObject(not) && Object.keys(not).length === 0))
}

/** A schema, what it refers to, and what it extends. */
export function partsOf (schema: unknown, { resolve }: Root): JsonSchema[] {
  const parts = new Set([asSchema(schema)])
  // grows while it is walked
  for (const { $ref, allOf } of parts) {
    if (Array.isArray(allOf)) for (const member of allOf) parts.add(asSchema(member))
    const target = typeof $ref === 'string' ? resolve($ref) : undefined
    if (target !== undefined && target !== null) parts.add(asSchema(target))
  }
  return [...parts]
}

/** What holds for a field's value; null if there can be no such field. */
export function fieldOf (parts: Parts, name: string, root: Root): JsonSchema[] | null {
  const found = parts.flatMap(({ properties, patternProperties, additionalProperties }) => {
    const own = isObject(properties) && Object.hasOwn(properties, name) ? [properties[name]] : []
    const matching = isObject(patternProperties) ? Object.entries(patternProperties).filter(([pattern]) => compilePattern(pattern).test(name)).map(([, schema]) => schema) : []
    const all = [...own, ...matching]
    return all.length > 0 || additionalProperties === undefined ? all : [additionalProperties]
  }).flatMap(schema => partsOf(schema, root))
  return isNever(found) ? null : found.length === 0 ? [anything] : found
}

/** What holds for fields that nothing names; null if there can be none. */
export function restOf (parts: Parts, root: Root): JsonSchema[] | null {
  const found = parts.flatMap(({ additionalProperties }) => additionalProperties === undefined ? [] : partsOf(additionalProperties, root))
  return isNever(found) ? null : found.length === 0 ? [anything] : found
}

export function namesIn (parts: Parts, keyword: 'properties' | 'patternProperties'): string[] {
  return [...new Set(parts.flatMap(part => isObject(part[keyword]) ? Object.keys(part[keyword]) : []))]
}
