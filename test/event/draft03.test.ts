import fc from 'fast-check'
import t from 'tap'
import { translateDraft03 } from '../../lib/event/draft03.js'
import { ConfigError } from '../../lib/errors.js'
import type { JsonSchema } from '../../lib/event/schemas.js'
import { eventValidator } from '../helpers/schemas.js'

const fields = (properties: JsonSchema): JsonSchema => ({ properties })

t.test('each keyword becomes what draft-07 has for it', t => {
  const cases: Array<[string, JsonSchema, JsonSchema]> = [
    ['required', fields({ a: { required: true }, b: { required: false } }), { properties: { a: {}, b: {} }, required: ['a'] }],
    ['required, nested', fields({ a: fields({ b: { required: true } }) }), fields({ a: { properties: { b: {} }, required: ['b'] } })],
    ['required at the top', { type: 'object', required: true }, { type: 'object' }],
    ['any', { type: 'any' }, {}],
    ['any in a union', { type: ['string', 'any'] }, {}],
    ['union', { type: ['string', 'null', 'string'] }, { type: ['string', 'null'] }],
    ['union of one', { type: ['string'] }, { type: 'string' }],
    ['union with schemas', { type: ['string', 'null', { type: 'integer', minimum: 1 }] }, { anyOf: [{ type: ['string', 'null'] }, { type: 'integer', minimum: 1 }] }],
    ['a schema as type', { type: { type: 'string' } }, { anyOf: [{ type: 'string' }] }],
    ['disallow', { disallow: ['string', 'null'] }, { not: { type: ['string', 'null'] } }],
    ['disallow a schema', { disallow: [{ minimum: 3 }] }, { not: { anyOf: [{ minimum: 3 }] } }],
    ['disallow any', { disallow: 'any' }, { not: {} }],
    ['disallow nothing', { disallow: [] }, {}],
    ['extends', { extends: { type: 'string' } }, { allOf: [{ type: 'string' }] }],
    ['extends several', { extends: [{ minimum: 1 }, { maximum: 2 }] }, { allOf: [{ minimum: 1 }, { maximum: 2 }] }],
    ['extends nothing', { extends: [] }, {}],
    ['divisibleBy', { divisibleBy: 0.5 }, { multipleOf: 0.5 }],
    ['bounds', { minimum: 1, maximum: 2 }, { minimum: 1, maximum: 2 }],
    ['exclusive bounds', { minimum: 1, exclusiveMinimum: true, maximum: 2, exclusiveMaximum: true }, { exclusiveMinimum: 1, exclusiveMaximum: 2 }],
    ['bounds that are not exclusive', { minimum: 1, exclusiveMinimum: false, exclusiveMaximum: true }, { minimum: 1 }],
    ['dependencies', { dependencies: { a: 'b', c: ['d', 'e', 'd'], f: fields({ g: { required: true } }) } }, { dependencies: { a: ['b'], c: ['d', 'e'], f: { properties: { g: {} }, required: ['g'] } } }],
    ['tuple', { items: [{ type: 'string' }, { type: 'any' }], additionalItems: false }, { items: [{ type: 'string' }, {}], additionalItems: false }],
    ['tuple and more', { items: [{}], additionalItems: { type: 'any' } }, { items: [{}], additionalItems: {} }],
    ['empty tuple', { items: [] }, {}],
    ['empty tuple and no more', { items: [], additionalItems: false }, { items: false, additionalItems: false }],
    ['items', { items: { type: ['any'] } }, { items: {} }],
    ['patternProperties', { patternProperties: { '^a': { type: 'any', required: true } } }, { patternProperties: { '^a': {} } }],
    ['additionalProperties', { additionalProperties: { divisibleBy: 2 } }, { additionalProperties: { multipleOf: 2 } }],
    ['an enum that repeats itself', { enum: [1, 'a', 1] }, { enum: [1, 'a'] }],
    ['what stays', { enum: [1], pattern: 'a', minLength: 1, maxLength: 2, minItems: 3, maxItems: 4, uniqueItems: true, default: 5, title: 't', description: 'd', format: 'color' }, { enum: [1], pattern: 'a', minLength: 1, maxLength: 2, minItems: 3, maxItems: 4, uniqueItems: true, default: 5, title: 't', description: 'd', format: 'color' }],
    ['what is no keyword of draft-03', { $schema: 'x', id: 'x', const: 1, oneOf: [{}], not: {}, owner: 'me', constructor: 1, description: ['a'] }, {}],
    ['fields called like keywords', fields({ type: { type: 'string', required: true }, required: { required: true }, properties: fields({ extends: { type: 'any' } }), $ref: { type: 'null' } }), { properties: { type: { type: 'string' }, required: {}, properties: fields({ extends: {} }), $ref: { type: 'null' } }, required: ['type', 'required'] }]
  ]
  for (const [name, definition, modern] of cases) t.strictSame(translateDraft03(definition), modern, name)
  t.end()
})

t.test('a field called __proto__ is a field', t => {
  const definition = JSON.parse('{"properties": {"__proto__": {"type": "any", "required": true}}}') as JsonSchema

  const modern = translateDraft03(definition)

  t.equal(JSON.stringify(modern), '{"properties":{"__proto__":{}},"required":["__proto__"]}')
  t.end()
})

t.test('a local $ref is replaced by what it refers to', t => {
  const name = { type: 'string', maxLength: 5, required: true }
  const cases: Array<[string, JsonSchema, JsonSchema]> = [
    ['pointer', { definitions: { name }, ...fields({ a: { $ref: '#/definitions/name' } }) }, fields({ a: { type: 'string', maxLength: 5 } })],
    ['required belongs to the property', { definitions: { name }, ...fields({ a: { $ref: '#/definitions/name', required: true, minLength: 9 } }) }, { properties: { a: { type: 'string', maxLength: 5 } }, required: ['a'] }],
    ['escaped pointer', { 'a/b~c d': name, ...fields({ a: { $ref: '#/a~1b~0c%20d' } }) }, fields({ a: { type: 'string', maxLength: 5 } })],
    ['into a place that is moved', { extends: { type: ['null', { divisibleBy: 2 }] }, ...fields({ a: { $ref: '#/extends/type/1' } }) }, { allOf: [{ anyOf: [{ type: 'null' }, { multipleOf: 2 }] }], ...fields({ a: { multipleOf: 2 } }) }],
    ['by id', fields({ a: { id: 'name', type: 'string' }, b: { $ref: 'name' }, c: { $ref: '#/properties/a' } }), fields({ a: { type: 'string' }, b: { type: 'string' }, c: { type: 'string' } })],
    ['by its own id', { id: 'http://e.org/s#', ...fields({ a: { $ref: 'http://e.org/s#/properties/b' }, b: { type: 'null' } }) }, fields({ a: { type: 'null' }, b: { type: 'null' } })],
    ['of a $ref', fields({ a: { $ref: '#/properties/b' }, b: { $ref: '#/properties/c' }, c: { type: 'null' } }), fields({ a: { type: 'null' }, b: { type: 'null' }, c: { type: 'null' } })],
    ['at the top', { $ref: '#/definitions/a', definitions: { a: { type: 'object' } } }, { type: 'object' }]
  ]
  for (const [name, definition, modern] of cases) t.strictSame(translateDraft03(definition), modern, name)
  t.end()
})

t.test('a recursive $ref is followed as deep as the event goes', t => {
  const validate = eventValidator(fields({ value: { type: 'integer', required: true }, next: { $ref: '#' } }))

  t.equal(validate({ value: 1, next: { value: 2, next: { value: 3 } } }), null)
  t.match(validate({ value: 1, next: { value: 2, next: { value: 'x' } } }), { pointer: '/event/next/next/value' })
  t.match(validate({ value: 1, next: { value: 2, next: {} } }), { pointer: '/event/next/next/value', seen: 'nothing' })
  t.equal(validate({ value: 1, next: { value: 2, extra: true } }), null, 'only the top of an event is closed')
  t.end()
})

t.test('what cannot be translated is refused with its place and what to write', t => {
  const cases: Array<[JsonSchema, RegExp]> = [
    [fields({ a: { type: 'strng' } }), /^\/properties\/a\/type: "strng" is no type; write one of any, array/],
    [fields({ a: { type: ['string', 'bool'] } }), /^\/properties\/a\/type\/1: "bool" is no type/],
    [fields({ a: { type: [] } }), /^\/properties\/a\/type: lists no type/],
    [fields({ a: { type: 5 } }), /^\/properties\/a\/type: must be an object/],
    [fields({ a: { disallow: 'strng' } }), /^\/properties\/a\/disallow: "strng" is no type/],
    [fields({ a: 'string' }), /^\/properties\/a: must be an object/],
    [{ properties: [] }, /^\/properties: must be an object/],
    [{ patternProperties: 1 }, /^\/patternProperties: must be an object/],
    [{ dependencies: [] }, /^\/dependencies: must be an object/],
    [{ additionalProperties: 'no' }, /^\/additionalProperties: must be an object/],
    [{ items: [true] }, /^\/items\/0: must be an object/],
    [{ extends: 'Base' }, /^\/extends: must be an object/],
    [{ enum: [] }, /^\/enum: must be a list/],
    [{ divisibleBy: 0 }, /^\/divisibleBy: must be a number greater than 0/],
    [{ required: ['a'] }, /^\/required: must be true or false: write it inside each required property/],
    [fields({ a: { exclusiveMinimum: 5 } }), /^\/properties\/a\/exclusiveMinimum: must be true or false/],
    [fields({ 'a/b': { $ref: 'http://e.org/x' } }), /^\/properties\/a~1b\/\$ref: "http:\/\/e.org\/x" leads out of the schema/],
    [{ id: 'http://e.org/a', $ref: 'http://e.org/ab' }, /leads out of the schema/],
    [{ $ref: 5 }, /^\/\$ref: must be a string/],
    [{ $ref: '#/nowhere' }, /leads to nothing/],
    [{ $ref: '#/%zz' }, /leads to nothing/],
    [{ $ref: '#/constructor' }, /leads to nothing/]
  ]
  for (const [definition, reason] of cases) t.throws(() => translateDraft03(definition), { name: 'ConfigError', code: 'bad-schema', message: reason }, JSON.stringify(definition))
  t.end()
})

t.test('copies that $ref makes are bounded', t => {
  const doubling = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`d${i}`, { extends: [{ $ref: `#/d${i + 1}` }, { $ref: `#/d${i + 1}` }] }]))
  const chain = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`d${i}`, { extends: { $ref: `#/d${i + 1}` } }]))

  t.throws(() => translateDraft03({ ...doubling, d20: {}, $ref: '#/d0' }), { message: /more than 5000 parts/ })
  t.throws(() => translateDraft03({ ...chain, d100: {}, $ref: '#/d0' }), { message: /more than 32 \$refs/ })
  t.end()
})

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
    default: return typeof value === type
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
    const tuple = items as JsonSchema[]
    if (index < tuple.length) return accepts(tuple[index] ?? {}, item, root)
    return typeof additionalItems === 'boolean' ? additionalItems : accepts(additionalItems as JsonSchema, item, root)
  }),
  dependencies: (dependencies: Record<string, string | string[] | JsonSchema>, value, _schema, root) => !isPlain(value) || Object.entries(dependencies).every(([name, dependency]) => {
    if (!Object.hasOwn(value, name)) return true
    if (typeof dependency === 'string') return Object.hasOwn(value, dependency)
    return Array.isArray(dependency) ? dependency.every(other => Object.hasOwn(value, other as string)) : accepts(dependency as JsonSchema, value, root)
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
  }), { numRuns: 1000 })

  t.ok(seen.valid > 2000 && seen.invalid > 2000, `both kinds were tried: ${seen.valid} valid, ${seen.invalid} invalid`)
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
      return typeof translateDraft03(definition as JsonSchema) === 'object'
    } catch (error) {
      return error instanceof ConfigError
    }
  }), { numRuns: 1000 })
  t.end()
})
