import fc from 'fast-check'
import t from 'tap'
import { translateDraft03 } from '../../lib/event/draft03.js'
import { ConfigError } from '../../lib/errors.js'
import type { JsonSchema } from '../../lib/event/schemas.js'
import { eventValidator } from '../helpers/schemas.js'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

const names = ['a', 'b', 'type', 'required', '__proto__', 'constructor']
const simpleTypes = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null', 'any']

/** Draft-03 as its text reads, keyword by keyword. */
function accepts (schema: JsonSchema, value: Json, root: JsonSchema): boolean {
  const { $ref } = schema
  if (typeof $ref === 'string') return accepts((root['definitions'] as Record<string, JsonSchema>)[$ref.slice('#/definitions/'.length)] ?? {}, value, root)
  return Object.entries(schema).every(([keyword, operand]) => meanings[keyword]?.(operand as never, value, schema, root) ?? true)
}

type Meaning = (operand: never, value: Json, schema: JsonSchema, root: JsonSchema) => boolean
type Schemas = Record<string, JsonSchema>

const isPlain = (value: Json): value is { [name: string]: Json } => typeof value === 'object' && value !== null && !Array.isArray(value)

const hasType = (type: string | JsonSchema, value: Json, root: JsonSchema): boolean => {
  if (typeof type !== 'string') return accepts(type, value, root)
  switch (type) {
    case 'any': return true
    case 'null': return value === null
    case 'array': return Array.isArray(value)
    case 'object': return isPlain(value)
    case 'integer': return Number.isInteger(value)
    case 'string': return typeof value === 'string'
    case 'number': return typeof value === 'number'
    default: return typeof value === 'boolean'
  }
}

const meanings: Record<string, Meaning> = {
  type: (types: string | Array<string | JsonSchema>, value, _schema, root) => [types].flat().some(type => hasType(type, value, root)),
  disallow: (types: string | Array<string | JsonSchema>, value, _schema, root) => ![types].flat().some(type => hasType(type, value, root)),
  extends: (bases: JsonSchema | JsonSchema[], value, _schema, root) => [bases].flat().every(base => accepts(base, value, root)),
  enum: (values: Json[], value) => values.includes(value),
  properties: (properties: Schemas, value, _schema, root) => !isPlain(value) || Object.entries(properties).every(([name, property]) => {
    return Object.hasOwn(value, name) ? accepts(property, value[name] ?? null, root) : property['required'] !== true
  }),
  patternProperties: (patterns: Schemas, value, _schema, root) => !isPlain(value) || Object.entries(patterns).every(([pattern, property]) => {
    return Object.entries(value).every(([name, inner]) => !new RegExp(pattern, 'u').test(name) || accepts(property, inner, root))
  }),
  additionalProperties: (additional: boolean | JsonSchema, value, { properties = {}, patternProperties = {} }, root) => !isPlain(value) || Object.entries(value).every(([name, inner]) => {
    const known = Object.hasOwn(properties as object, name) || Object.keys(patternProperties as object).some(pattern => new RegExp(pattern, 'u').test(name))
    return known || (typeof additional === 'boolean' ? additional : accepts(additional, inner, root))
  }),
  items: (items: JsonSchema | JsonSchema[], value, { additionalItems = true }, root) => !Array.isArray(value) || value.every((item, index) => {
    if (!Array.isArray(items)) return accepts(items, item, root)
    const tuple = items
    if (index < tuple.length) return accepts(tuple[index] ?? {}, item, root)
    return typeof additionalItems === 'boolean' ? additionalItems : accepts(additionalItems as JsonSchema, item, root)
  }),
  dependencies: (dependencies: Record<string, string | string[] | JsonSchema>, value, _schema, root) => !isPlain(value) || Object.entries(dependencies).every(([name, dependency]) => {
    if (!Object.hasOwn(value, name)) return true
    if (typeof dependency === 'string') return Object.hasOwn(value, dependency)
    return Array.isArray(dependency) ? dependency.every(other => Object.hasOwn(value, other)) : accepts(dependency, value, root)
  }),
  minimum: (limit: number, value, { exclusiveMinimum }) => typeof value !== 'number' || (exclusiveMinimum === true ? value > limit : value >= limit),
  maximum: (limit: number, value, { exclusiveMaximum }) => typeof value !== 'number' || (exclusiveMaximum === true ? value < limit : value <= limit),
  divisibleBy: (divisor: number, value) => typeof value !== 'number' || Number.isInteger(value / divisor),
  minLength: (limit: number, value) => typeof value !== 'string' || [...value].length >= limit,
  maxLength: (limit: number, value) => typeof value !== 'string' || [...value].length <= limit,
  pattern: (pattern: string, value) => typeof value !== 'string' || new RegExp(pattern, 'u').test(value),
  minItems: (limit: number, value) => !Array.isArray(value) || value.length >= limit,
  maxItems: (limit: number, value) => !Array.isArray(value) || value.length <= limit,
  uniqueItems: (unique: boolean, value) => !unique || !Array.isArray(value) || value.every((item, i) => value.slice(i + 1).every(other => !same(item, other)))
}

function same (a: Json, b: Json): boolean {
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i] ?? null))
  if (!isPlain(a)) return a === b
  return isPlain(b) && Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([name, inner]) => Object.hasOwn(b, name) && same(inner, b[name] ?? null))
}

const mapOf = <T>(of: fc.Arbitrary<T>, keys: readonly string[]): fc.Arbitrary<Record<string, T>> => {
  return fc.uniqueArray(fc.tuple(fc.constantFrom(...keys), of), { maxLength: 3, selector: ([name]) => name }).map(entries => Object.fromEntries(entries))
}

const scalar = fc.oneof(fc.constant(null), fc.boolean(), fc.constantFrom(-2, 0, 0.5, 1, 2, 3), fc.constantFrom('', 'a', 'ab', 'é😀', '1'))

const { value } = fc.letrec<{ value: Json }>(tie => ({
  value: fc.oneof({ maxDepth: 3 }, { weight: 3, arbitrary: scalar }, { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 3 }) }, { weight: 2, arbitrary: mapOf(tie('value'), names) })
}))

const { schema } = fc.letrec<{ schema: JsonSchema, types: unknown }>(tie => {
  const inner = tie('schema')
  const orBoolean = fc.oneof(fc.boolean(), inner)
  const small = fc.integer({ min: 0, max: 3 })
  const pattern = fc.constantFrom('a', '^a$', '^.$', 'b|1', '^[^a]*$')
  return {
    types: fc.oneof(fc.constantFrom(...simpleTypes), fc.array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...simpleTypes) }, { weight: 1, arbitrary: inner }), { minLength: 1, maxLength: 3 })),
    schema: fc.oneof({ maxDepth: 3, depthIdentifier: 'schema' },
      { weight: 1, arbitrary: fc.constantFrom({}, { type: 'any' }, { type: 'integer', required: true }, { $ref: '#/definitions/one' }, { $ref: '#/definitions/two', required: true }) },
      {
        weight: 4,
        arbitrary: fc.record({
          type: tie('types'),
          disallow: tie('types'),
          extends: fc.oneof(inner, fc.array(inner, { maxLength: 2 })),
          enum: fc.array(scalar, { minLength: 1, maxLength: 4 }),
          required: fc.boolean(),
          properties: mapOf(inner, names),
          patternProperties: mapOf(inner, ['a', '^b', '.']),
          additionalProperties: orBoolean,
          items: fc.oneof(inner, fc.array(inner, { maxLength: 2 })),
          additionalItems: orBoolean,
          dependencies: mapOf(fc.oneof(fc.constantFrom(...names), fc.array(fc.constantFrom(...names), { maxLength: 2 }), inner), ['a', 'b', 'type', 'constructor']),
          minimum: small,
          exclusiveMinimum: fc.boolean(),
          maximum: small,
          exclusiveMaximum: fc.boolean(),
          divisibleBy: fc.constantFrom(0.5, 1, 2),
          minLength: small,
          maxLength: small,
          pattern,
          minItems: small,
          maxItems: small,
          uniqueItems: fc.boolean()
        }, { requiredKeys: [] }).map(keepFew)
      })
  }
})

/** A schema with every keyword accepts next to nothing; a few at a time say more. */
function keepFew (schema: object): JsonSchema {
  const entries = Object.entries(schema)
  const step = 1 + Math.floor(entries.length / 4)
  return Object.fromEntries(entries.filter(([keyword], index) => index % step === 0 || keyword === 'required' || keyword.startsWith('exclusive')))
}

t.test('events that a draft-03 schema accepts, and no others, are valid', t => {
  const seen = { valid: 0, invalid: 0 }
  fc.assert(fc.property(schema, schema, schema, fc.array(value, { minLength: 5, maxLength: 20 }), (field, one, two, values) => {
    const definition = { definitions: { one: withoutRefs(one), two: withoutRefs(two) }, properties: { v: field } }
    const before = JSON.stringify(definition)
    const validate = eventValidator(definition)
    for (const v of values) {
      const valid = validate({ v }) === null
      if (valid !== accepts(field, v, definition)) throw new Error(`${JSON.stringify(v)} is said to be ${valid ? 'valid' : 'invalid'}`)
      seen[valid ? 'valid' : 'invalid']++
    }
    return JSON.stringify(definition) === before
  }), { numRuns: 400 })

  t.ok(seen.valid > 500 && seen.invalid > 500, `both kinds were tried: ${seen.valid} valid, ${seen.invalid} invalid`)
  t.end()
})

/** So that no generated schema contains itself. */
function withoutRefs (schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema).replace(/"\$ref":"[^"]*"/g, '"title":"a $ref"')) as JsonSchema
}

t.test('any document is translated or refused', t => {
  const document = fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), schema, fc.dictionary(fc.constantFrom('type', 'properties', 'extends', '$ref', 'items', 'required', 'disallow', 'dependencies', 'id'), fc.jsonValue()))
  fc.assert(fc.property(document, definition => {
    try {
      return typeof translateDraft03(definition) === 'object'
    } catch (error) {
      return error instanceof ConfigError
    }
  }), { numRuns: 400 })
  t.end()
})
