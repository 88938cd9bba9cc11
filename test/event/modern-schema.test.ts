import t from 'tap'
import { readDefinition } from '../../lib/event/modern-schema.js'
import { schemaLimits } from '../../lib/event/schema-limits.js'
import type { JsonSchema } from '../../lib/event/schemas.js'
import { eventValidator } from '../helpers/schemas.js'

const uriOf = (draft: string): string => `http://json-schema.org/${draft}/schema#`

t.test('a schema is draft-03 unless its $schema says otherwise', t => {
  const bounds = { minimum: 1, exclusiveMinimum: true }

  t.strictSame(readDefinition({ properties: { a: { required: true, type: 'any' } } }).modern, { properties: { a: {} }, required: ['a'], additionalProperties: false })
  t.strictSame(readDefinition({ $schema: 'https://json-schema.org/draft-03/schema', properties: { a: { required: true } } }).modern['required'], ['a'])
  t.strictSame(readDefinition({ $schema: uriOf('draft-04'), properties: { a: bounds }, required: ['a'] }).modern, { properties: { a: { exclusiveMinimum: 1 } }, required: ['a'], additionalProperties: false })
  for (const draft of ['draft-06', 'draft-07', 'draft/2019-09', 'draft/2020-12']) {
    const definition = { $schema: uriOf(draft), properties: { a: { const: 1 } }, required: ['a'] }
    t.strictSame(readDefinition(definition), {
      definition,
      modern: { properties: { a: { const: 1 } }, required: ['a'], additionalProperties: false },
      dialect: draft.startsWith('draft/') ? draft.slice('draft/'.length) : 'draft-07',
      style: 'capsule'
    }, draft)
  }
  t.end()
})

t.test('each draft is read by its own rules', t => {
  const item = { type: 'integer' }
  const cases: Array<[string, string, JsonSchema, unknown, unknown]> = [
    ['draft-04', 'exclusive bounds', { properties: { a: { minimum: 1, exclusiveMinimum: true, maximum: 9, exclusiveMaximum: false } } }, { a: 9 }, { a: 1 }],
    ['draft-04', 'exclusive without a bound', { properties: { a: { exclusiveMaximum: true, type: 'integer' } } }, { a: 9 }, { a: 'x' }],
    ['draft-04', 'id and $ref', { id: 'http://e.org/s', properties: { a: { $ref: '#/definitions/i' }, id: { type: 'string' } }, definitions: { i: item } }, { a: 1, id: 'x' }, { a: 'x' }],
    ['draft-04', 'an object called id', { properties: { a: { id: 'here', ...item }, b: { $ref: '#/properties/a' } } }, { b: 1 }, { b: 'x' }],
    ['draft-06', 'contains and propertyNames', { properties: { a: { contains: { const: 1 } }, b: { propertyNames: { maxLength: 1 } } } }, { a: [0, 1], b: { c: 1 } }, { b: { cc: 1 } }],
    ['draft-07', 'if, then, else', { properties: { a: { if: { type: 'string' }, then: { minLength: 2 }, else: { minimum: 2 } } } }, { a: 'ab' }, { a: 1 }],
    ['draft-07', 'id is no keyword', { properties: { a: { id: 'a', ...item } } }, { a: 1 }, { a: 'x' }],
    ['draft/2019-09', '$defs, $anchor, dependentRequired', { $defs: { i: { $anchor: 'int', ...item } }, properties: { a: { $ref: '#int' }, b: {} }, dependentRequired: { b: ['a'] } }, { a: 1, b: 1 }, { b: 1 }],
    ['draft/2019-09', 'unevaluatedProperties', { properties: { a: { allOf: [{ properties: { x: item } }], unevaluatedProperties: false } } }, { a: { x: 1 } }, { a: { y: 1 } }],
    ['draft/2019-09', '$recursiveRef', { properties: { n: item, next: { $recursiveRef: '#' } } }, { next: { next: { n: 1 } } }, { next: { next: { n: 'x' } } }],
    ['draft/2020-12', 'prefixItems', { properties: { a: { prefixItems: [item], items: false } } }, { a: [1] }, { a: [1, 2] }],
    ['draft/2020-12', '$dynamicRef', { $defs: { i: { $dynamicAnchor: 'int', ...item } }, properties: { a: { $dynamicRef: '#int' } } }, { a: 1 }, { a: 'x' }]
  ]
  for (const [draft, name, definition, good, bad] of cases) {
    const validate = eventValidator({ $schema: uriOf(draft), ...definition })
    t.equal(validate(good), null, `${draft}: ${name}, good`)
    t.not(validate(bad), null, `${draft}: ${name}, bad`)
  }
  t.end()
})

t.test('keywords that mean something only to ajv mean nothing', t => {
  const validate = eventValidator({ $schema: uriOf('draft-07'), $async: true, properties: { a: { type: 'string', nullable: true, discriminator: { propertyName: 'x' } } } })

  t.equal(validate({ a: 'x' }), null)
  t.not(validate({ a: null }), null)
  t.end()
})

t.test('a field at the top of an event that no part of the schema declares is refused, unless the schema says otherwise', t => {
  const a = { properties: { a: { type: 'integer' } } }
  const b = { properties: { b: { type: 'integer' } } }
  const cases: Array<[string, JsonSchema, object, object | null]> = [
    ['no default', { ...a }, { a: 1 }, { a: 1, c: 1 }],
    ['open', { ...a, additionalProperties: true }, { c: 1 }, null],
    ['typed', { ...a, additionalProperties: { type: 'string' } }, { c: 'x' }, { c: 1 }],
    ['nested', { properties: { a: { type: 'object', ...b } } }, { a: { c: 1 } }, { c: 1 }],
    ['patternProperties', { patternProperties: { '^x': { type: 'integer' } } }, { x1: 1 }, { y1: 1 }],
    ['extends', { ...a, extends: b }, { a: 1, b: 1 }, { c: 1 }],
    ['extends, checked', { ...a, extends: b }, { a: 1 }, { b: 'x' }],
    ['extends an open one', { ...a, extends: { additionalProperties: true } }, { c: 1 }, null],
    ['union', { type: [{ type: 'object', ...a }, { type: 'object', ...b }] }, { a: 1 }, { c: 1 }],
    ['alternatives', { $schema: uriOf('draft-07'), anyOf: [a, b], oneOf: [{ ...a, required: ['a'] }, { ...b, required: ['b'] }] }, { b: 1 }, { b: 1, c: 1 }],
    ['$ref', { $schema: uriOf('draft-07'), $ref: '#/definitions/a', definitions: { a } }, { a: 1 }, { c: 1 }],
    ['condition', { $schema: uriOf('draft-07'), if: { required: ['a'] }, then: a, else: b }, { b: 1 }, { c: 1 }],
    ['not', { $schema: uriOf('draft-07'), ...a, not: { ...b, required: ['b'] } }, { a: 1 }, { b: 'x' }],
    ['unevaluatedProperties', { $schema: uriOf('draft/2019-09'), ...a, unevaluatedProperties: { type: 'string' } }, { c: 'x' }, { c: 1 }],
    ['unevaluatedProperties, before it existed', { $schema: uriOf('draft-07'), ...a, unevaluatedProperties: true }, { a: 1 }, { c: 1 }]
  ]
  for (const [name, definition, good, bad] of cases) {
    const validate = eventValidator(definition)
    t.equal(validate(good), null, `${name}: ${JSON.stringify(good)}`)
    if (bad !== null) t.not(validate(bad), null, `${name}: ${JSON.stringify(bad)}`)
  }
  t.strictSame(readDefinition({ ...a, extends: b }).modern['properties'], { ...a.properties, ...b.properties }, 'fields of every event are told as they are')
  t.strictSame(readDefinition({ type: [{ ...a }, { ...b }] }).modern['properties'], { a: {}, b: {} }, 'fields of some events only by name')
  t.end()
})

t.test('a schema with meta among its fields describes whole events', t => {
  const meta = { properties: { id: { type: 'string', required: true } } }

  t.equal(readDefinition({ properties: { meta } }).style, 'meta')
  t.equal(readDefinition({ extends: { properties: { meta } } }).style, 'meta')
  t.equal(readDefinition({ properties: { a: { properties: { meta } } } }).style, 'capsule')
  t.end()
})

t.test('what cannot be used is refused with its place and what to change', t => {
  const nested = (depth: number): JsonSchema => depth === 0 ? { type: 'string' } : { properties: { a: nested(depth - 1) } }
  const loop: Record<string, unknown> = { type: 'object' }
  loop['properties'] = { a: loop }
  const modern = (definition: JsonSchema): JsonSchema => ({ $schema: uriOf('draft-07'), type: 'object', ...definition })
  const cases: Array<[unknown, RegExp]> = [
    [null, /^a schema must be an object$/],
    [[], /^a schema must be an object$/],
    ['schema', /^a schema must be an object$/],
    [{}, /^the schema says nothing about events; give it "properties"$/],
    [{ error: 'not found' }, /says nothing about events/],
    [{ $schema: 'http://json-schema.org/draft-05/schema#', properties: {} }, /^\/\$schema: "http:.*draft-05\/schema#" is not known; write one of http:.*draft-03.*2020-12/],
    [{ $schema: 4, properties: {} }, /^\/\$schema: 4 is not known/],
    [{ type: 'array' }, /^\/type: events are objects; write "object", not "array"/],
    [{ type: ['string', 'null'] }, /^\/type: events are objects/],
    [nested(schemaLimits.depth), /nests deeper than 64 levels; make it flatter/],
    [loop, /nests deeper than 64 levels/],
    [{ properties: Object.fromEntries(Array.from({ length: 11_000 }, (_, i) => [`f${i}`, { type: 'string' }])) }, /more than 20000 values; make it smaller/],
    [{ properties: { a: { minimum: '5' } } }, /^\/properties\/a\/minimum: must be number$/],
    [{ properties: { a: { maxLength: -1 } } }, /^\/properties\/a\/maxLength: must be >= 0$/],
    [{ properties: { a: { minimum: Infinity } } }, /^\/properties\/a\/minimum: must be number$/],
    [modern({ properties: { a: { type: 'strng' } } }), /^\/properties\/a\/type: must be equal to one of the allowed values: array, boolean/],
    [modern({ properties: { a: 'string' } }), /^\/properties\/a: must be object,boolean$/],
    [modern({ properties: { a: { enum: [] } } }), /^\/properties\/a\/enum: must be a list of at least one value$/],
    [modern({ required: 'a' }), /^\/required: must be array$/],
    [{ properties: { a: { pattern: '(?=x)' } } }, /^\/properties\/a\/pattern: the pattern "\(\?=x\)" cannot be matched in linear time .*no look-around/],
    [{ properties: { a: { items: { pattern: '(' } } } }, /^\/properties\/a\/items\/pattern: the pattern "\("/],
    [{ patternProperties: { 'a/(b)\\1': {} } }, /^\/patternProperties\/a~1\(b\)\\1: the pattern/],
    [modern({ properties: { a: { $ref: 'other.json' } } }), /^\/properties\/a\/\$ref: "other.json" leads out of the schema; copy what it refers to into the schema$/],
    [modern({ properties: { a: { $ref: uriOf('draft-07') } } }), /^\/properties\/a\/\$ref: "http.*leads out of the schema/],
    [modern({ properties: { a: { $ref: '#/definitions/none' } } }), /^\/properties\/a\/\$ref: "#\/definitions\/none" leads to no schema; put what it refers to into definitions$/],
    [modern({ properties: { a: { $ref: '#nowhere' } } }), /leads to no schema; put what it refers to into definitions$/],
    [modern({ properties: { a: { $ref: '#/properties/b/enum' }, b: { enum: [1] } } }), /leads to no schema; put what it refers to into definitions$/],
    [modern({ allOf: [{ $ref: '#' }] }), /^\/allOf\/0\/\$ref: "#" leads back to itself; it must go into a field or an item first$/],
    [modern({ properties: { a: { $ref: '#/definitions/b' } }, definitions: { b: { anyOf: [{ type: 'null' }, { $ref: '#/properties/a' }] } } }), /leads back to itself/],
    [{ properties: { a: { extends: { $ref: '#/properties/a' } } } }, /leads back to itself/],
    [{ extends: { $ref: '#' } }, /leads back to itself/],
    [{ $ref: '#' }, /leads back to itself/]
  ]
  for (const [definition, message] of cases) t.throws(() => readDefinition(definition), { name: 'ConfigError', code: 'bad-schema', message }, String(message))
  t.end()
})

t.test('references that go into a field or item are no endless loop', t => {
  t.doesNotThrow(() => readDefinition({ $schema: uriOf('draft-07'), properties: { a: { $ref: '#' }, b: { items: { $ref: '#/properties/b' } } } }))
  t.doesNotThrow(() => readDefinition({ $schema: uriOf('draft-07'), properties: { a: { $ref: '#/definitions/x' }, b: { $ref: '#/definitions/x' } }, definitions: { x: { allOf: [{ $ref: '#/definitions/y' }, { $ref: '#/definitions/y' }] }, y: { type: 'string' } } }))
  t.end()
})
