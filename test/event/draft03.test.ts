import t from 'tap'
import { translateDraft03 } from '../../lib/event/draft03.js'
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
