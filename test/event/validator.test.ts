import fc from 'fast-check'
import t from 'tap'
import type { Problem } from '../../lib/event/schemas.js'
import { eventValidator, wholeValidator } from '../helpers/schemas.js'
import { idleTimeOf } from '../helpers/speed.js'

const modern = 'http://json-schema.org/draft-07/schema#'
const later = 'https://json-schema.org/draft/2020-12/schema'

t.test('a problem says where, what was expected and what came', t => {
  const action = { type: 'string', enum: ['init', 'click'], required: true }
  const cases: Array<[string, object, unknown, Partial<Problem>]> = [
    ['enum', { action }, { action: 'hover' }, { pointer: '/event/action', expected: 'one of "init", "click"', seen: '"hover"', message: '/event/action: expected one of "init", "click"; got "hover"' }],
    ['missing', { action }, {}, { pointer: '/event/action', expected: 'one of "init", "click"', seen: 'nothing', message: '/event/action: required, but missing' }],
    ['unknown', { action: {}, n: {} }, { foo: [1] }, { pointer: '/event/foo', expected: 'one of the fields action, n', seen: '[1]', message: '/event/foo: not a field of Test/1; it has: action, n' }],
    ['unknown, and there are none', {}, { foo: 1 }, { expected: 'no such field', message: '/event/foo: not a field of Test/1' }],
    ['unknown, nested', { a: { properties: { b: {} }, additionalProperties: false } }, { a: { c: null } }, { message: '/event/a/c: not a field of /event/a; it has: b', seen: 'null' }],
    ['type', { a: { type: 'integer' } }, { a: '5' }, { expected: 'an integer', seen: '"5"' }],
    ['types', { a: { type: ['number', 'null'] } }, { a: false }, { expected: 'a number or null', seen: 'false' }],
    ['true or false', { a: { type: 'boolean' } }, { a: 1 }, { message: '/event/a: expected true or false; got 1' }],
    ['array', { a: { type: 'array' } }, { a: {} }, { expected: 'an array', seen: '{}' }],
    ['infinity', { a: { type: 'number' } }, { a: JSON.parse('1e400') as number }, { message: '/event/a: expected a number; got a number beyond 1.8e308' }],
    ['infinity is no integer', { a: { type: 'integer' } }, { a: -Infinity }, { expected: 'an integer' }],
    ['minimum', { a: { minimum: 3 } }, { a: 2 }, { expected: 'at least 3' }],
    ['maximum', { a: { maximum: 3 } }, { a: 4 }, { expected: 'at most 3' }],
    ['exclusive', { a: { minimum: 3, exclusiveMinimum: true } }, { a: 3 }, { expected: 'more than 3' }],
    ['exclusive', { a: { maximum: 3, exclusiveMaximum: true } }, { a: 3 }, { expected: 'less than 3' }],
    ['divisibleBy', { a: { divisibleBy: 5 } }, { a: 7 }, { expected: 'a multiple of 5' }],
    ['maxLength', { a: { maxLength: 1 } }, { a: 'ab' }, { expected: 'at most 1 character' }],
    ['minLength', { a: { minLength: 3 } }, { a: '😀😀' }, { expected: 'at least 3 characters' }],
    ['pattern', { a: { pattern: '^[a-z]+$' } }, { a: 'A' }, { expected: 'a string that matches ^[a-z]+$' }],
    ['format', { a: { format: 'date-time' } }, { a: 'yesterday' }, { expected: 'a date-time like 2014-05-21T09:30:01Z' }],
    ['items', { a: { items: { type: 'string' } } }, { a: ['x', 5] }, { pointer: '/event/a/1', expected: 'a string', seen: '5' }],
    ['minItems', { a: { minItems: 2 } }, { a: [1] }, { expected: 'at least 2 items', seen: '[1]' }],
    ['maxItems', { a: { maxItems: 1 } }, { a: [1, 2] }, { expected: 'at most 1 item' }],
    ['tuple', { a: { items: [{}], additionalItems: false } }, { a: [1, 2] }, { expected: 'at most 1 item' }],
    ['uniqueItems', { a: { uniqueItems: true } }, { a: [1, 1] }, { expected: 'no item twice', seen: '[1,1]' }],
    ['disallow', { a: { disallow: 'string' } }, { a: 'x' }, { expected: 'anything but a string' }],
    ['union', { a: { type: ['null', { type: 'object', properties: { b: {} } }, { enum: [1] }] } }, { a: 'x' }, { pointer: '/event/a', expected: 'null, or an object, or one of 1' }],
    ['dependency', { a: {}, b: {} }, { a: 1, b: 1 }, { pointer: '/event/c', message: '/event/c: required beside "b", but missing' }],
    ['not an object', {}, 'x', { pointer: '/event', expected: 'an object' }],
    ['pointer with escapes', { 'a/b~': { type: 'string' } }, { 'a/b~': 1 }, { pointer: '/event/a~1b~0' }]
  ]
  for (const [name, properties, event, problem] of cases) {
    const validate = eventValidator({ properties, dependencies: name === 'dependency' ? { b: 'c' } : {} })
    t.match(validate(event), problem, name)
  }
  t.end()
})

t.test('keywords of later drafts have words too', t => {
  const cases: Array<[object, unknown, Partial<Problem>]> = [
    [{ const: 'x' }, 'y', { expected: '"x"' }],
    [{ contains: { type: 'integer' } }, [], { expected: 'an item that is an integer' }],
    [{ propertyNames: { maxLength: 1 } }, { ab: 1 }, { expected: /^only field names that are/ as never }],
    [{ oneOf: [{ type: 'integer' }, { minimum: 3, type: 'number' }] }, 5, { expected: 'exactly one of: an integer, or a number' }],
    [{ if: { type: 'string' }, then: { minLength: 2 } }, 'a', { expected: 'at least 2 characters' }],
    [{ minProperties: 1 }, {}, { expected: 'at least 1 field' }],
    [{ maxProperties: 1 }, { a: 1, b: 2 }, { expected: 'at most 1 field' }],
    [false as never, 1, { expected: 'nothing here' }]
  ]
  for (const [a, value, problem] of cases) t.match(eventValidator({ $schema: modern, properties: { a } })({ a: value }), { pointer: '/event/a', ...problem }, JSON.stringify(a))

  const tuple = eventValidator({ $schema: later, properties: { a: { prefixItems: [{}], items: false }, b: {} }, dependentRequired: { b: ['a'] } })
  t.match(tuple({ a: [1, 2] }), { pointer: '/event/a', expected: 'at most 1 item' })
  t.match(tuple({ b: 1 }), { pointer: '/event/a', message: '/event/a: required beside "b", but missing' })
  t.match(eventValidator({ $schema: later, properties: { a: { $ref: '#/$defs/x', unevaluatedProperties: false } }, $defs: { x: { properties: { b: {} } } } })({ a: { c: 1 } }), { message: '/event/a/c: not a field of /event/a' })
  t.end()
})

t.test('a whole event is checked by the schema alone', t => {
  const whole = wholeValidator({ properties: { event: { properties: { a: { type: 'integer' } } } } })

  t.match(whole({ event: { a: 'x' } }), { pointer: '/event/a' })
  t.match(whole({ extra: 1 }), { message: '/extra: not a field of Test/1; it has: event' })
  t.end()
})

t.test('messages are short whatever came', t => {
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`field_number_${i}`, {}]))
  const long = '😀'.repeat(30_000)
  const cases: Array<[object, unknown]> = [
    [{ properties: many }, { [long]: long }],
    [{ properties: { a: { enum: Array.from({ length: 500 }, (_, i) => `value ${i}`) } } }, { a: long }],
    [{ properties: { a: { items: { type: 'string' } } } }, { a: [{ [long]: [long, { long }] }] }],
    [{ additionalProperties: { type: 'string' } }, { [long]: { [long]: 1 } }],
    [{ properties: { a: { pattern: `^${'x'.repeat(800)}` } } }, { a: long }],
    [{ properties: { [long]: { required: true } } }, {}]
  ]
  for (const [definition, event] of cases) {
    const problem = eventValidator(definition)(event)
    t.ok(problem !== null && problem.message.length < 700 && problem.seen.length <= 102 && problem.pointer.length <= 201 && problem.expected.length <= 330, problem?.message ?? 'there is a problem')
    t.notMatch(problem?.message, /[\ud800-\udbff](?![\udc00-\udfff])/, 'no half characters')
  }
  t.match(eventValidator({ properties: many })({ foo: 1 })?.message, /it has: field_number_0, field_number_1, .* \(and 48\d more\)$/)
  t.end()
})

t.test('fields with names that every object has are fields like others', t => {
  const open = eventValidator(JSON.parse(`{"properties": {
    "__proto__": {"type": "integer"}, "constructor": {"type": "string", "required": true}, "toString": {"type": "null"}, "a": {"properties": {"__proto__": {"required": true}}}
  }}`))
  const strict = eventValidator({ properties: { a: { type: 'object' } } })
  const parse = (text: string): unknown => JSON.parse(text)

  t.equal(open(parse('{"constructor": "x"}')), null)
  t.equal(open(parse('{"constructor": "x", "__proto__": 5, "a": {"__proto__": 1}}')), null)
  t.match(open({}), { message: '/event/constructor: required, but missing' })
  t.match(open(parse('{"constructor": "x", "__proto__": "5"}')), { message: '/event/__proto__: expected an integer; got "5"' })
  t.match(open(parse('{"constructor": "x", "toString": 1}')), { pointer: '/event/toString', expected: 'null' })
  t.match(open(parse('{"constructor": "x", "a": {}}')), { message: '/event/a/__proto__: required, but missing' })
  t.match(strict(parse('{"__proto__": {"a": 1}}')), { message: '/event/__proto__: not a field of Test/1; it has: a', seen: '{"a":1}' })
  t.match(strict(parse('{"constructor": 1}')), { pointer: '/event/constructor' })
  t.equal(strict(parse('{"a": {"__proto__": {"x": 1}}}')), null)
  t.equal(({} as Record<string, unknown>)['x'], undefined, 'no prototype was touched')
  t.end()
})

t.test('a number is a multiple in spite of rounding', t => {
  const validate = eventValidator({ properties: { a: { divisibleBy: 0.1 } } })

  t.equal(validate({ a: 0.3 }), null)
  t.equal(validate({ a: 1234.5 }), null)
  t.equal(validate({ a: 1e21 }), null)
  t.match(validate({ a: 0.35 }), { expected: 'a multiple of 0.1' })
  t.end()
})

t.test('items are distinct by their value in JSON, in linear time', async t => {
  const validate = eventValidator({ properties: { a: { uniqueItems: true }, b: { uniqueItems: false } } })
  const different = [1, '1', true, 'true', null, 'null', {}, [], { a: 1 }, [['a', 1]], { fields: [['a', 1]] }, '{"a":1}', { a: { b: [] } }, { a: { b: {} } }]
  const numbers = Array.from({ length: 200_000 }, (_, i) => i)

  t.equal(validate({ a: different, b: [1, 1] }), null)
  for (const item of different) t.not(validate({ a: [...different, structuredClone(item)] }), null, JSON.stringify(item))
  t.match(validate({ a: [{ a: 1, b: [{ c: 1, d: 2 }] }, { b: [{ d: 2, c: 1 }], a: 1 }] }), { expected: 'no item twice' })
  const ms = await idleTimeOf(() => {
    t.equal(validate({ a: numbers }), null)
    t.equal(validate({ a: numbers.slice(0, 20_000).map(n => ({ n })) }), null)
  })
  t.ok(ms < 2000, 'comparing each with each takes minutes')
})

t.test('a pattern that backtracking engines take for ever on takes no time', async t => {
  const validate = eventValidator({ properties: { a: { pattern: '^(([a-z]+)+)+$' } }, patternProperties: { '^(x+x+)+y$': {} } })

  const ms = await idleTimeOf(() => {
    t.match(validate({ a: `${'a'.repeat(50_000)}!` }), { pointer: '/event/a' })
    t.match(validate({ [`${'x'.repeat(50_000)}`]: 1 }), { expected: 'one of the fields a' })
  })

  t.ok(ms < 1000, `${ms.toFixed(0)} ms`)
})

t.test('an event nested beyond what the stack takes is a problem, not a crash', t => {
  const validate = eventValidator({ properties: { a: { $ref: '#' }, b: { uniqueItems: true }, c: { enum: [{}] } } })
  const nested = (depth: number): object => {
    let event = {}
    for (let i = 0; i < depth; i++) event = { a: event }
    return event
  }

  t.equal(validate(nested(500)), null)
  t.match(validate(nested(100_000)), { message: 'the event: expected fewer levels of nesting; got more than can be checked' })
  t.match(validate({ b: [nested(100_000), nested(100_000)] }), { expected: 'fewer levels of nesting' })
  t.match(validate({ c: nested(100_000) }), { expected: 'fewer levels of nesting' })
  t.equal(validate(nested(3)), null, 'and the next event is checked as ever')
  t.end()
})

t.test('any event is valid or has a problem, and stays as it is', t => {
  const field = { type: ['integer', 'null', { type: 'object', properties: { deep: { type: 'array', items: { type: 'string', default: 'x' }, uniqueItems: true } } }], default: 5 }
  const validate = eventValidator({ properties: { a: field, b: { type: 'string', format: 'date-time' }, c: { $ref: '#', required: true } } })
  fc.assert(fc.property(fc.oneof(fc.jsonValue(), fc.record({ a: fc.jsonValue(), b: fc.oneof(fc.string(), fc.date({ noInvalidDate: true }).map(date => date.toISOString())), c: fc.jsonValue() }, { requiredKeys: [] })), event => {
    const before = JSON.stringify(event)
    const problem = validate(event)
    return JSON.stringify(event) === before && (problem === null || (problem.pointer.startsWith('/event') && problem.message.startsWith(problem.pointer)))
  }), { numRuns: 2000 })
  t.end()
})
