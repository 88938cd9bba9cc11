import t from 'tap'
import { RecordError } from '../../lib/errors.js'
import { fieldsOf } from '../../lib/sql/fields.js'

/** `path: kind` of each field. */
function shapeOf (properties: Record<string, unknown>, root: object = {}): string[] {
  return fieldsOf({ type: 'object', properties, ...root }).map(({ path, kind }) => `${path.join('.')}: ${kind}`)
}

t.test('each simple type is a field of its kind', async t => {
  t.strictSame(shapeOf({
    a: { type: 'boolean' }, b: { type: 'integer' }, c: { type: 'number' }, d: { type: 'string' },
    e: { type: 'string', format: 'date-time' }, f: { type: 'string', format: 'uuid5-hex' }, g: { type: 'string', format: 'date' },
    h: { type: 'array', items: { type: 'integer' } }, i: { type: 'null' }, j: {}, k: true
  }), ['a: boolean', 'b: integer', 'c: number', 'd: string', 'e: date-time', 'f: uuid', 'g: string', 'h: text', 'i: text', 'j: text', 'k: text'])
})

t.test('null beside a type changes nothing, and an integer is a number too', async t => {
  t.strictSame(shapeOf({ a: { type: ['string', 'null'] }, b: { type: ['integer', 'number'] }, c: { anyOf: [{ type: 'null' }, { type: 'boolean' }] } }),
    ['a: string', 'b: number', 'c: boolean'])
})

t.test('several types are text', async t => {
  t.strictSame(shapeOf({
    a: { type: ['string', 'integer'] }, b: { anyOf: [{ type: 'string' }, { type: 'object', properties: { x: {} } }] },
    c: { oneOf: [{ type: 'object', properties: { x: {} } }, { type: 'object', properties: { y: {} } }] }, d: { enum: ['a', 1] }, e: { anyOf: [{ type: 'string' }, {}] }
  }), ['a: text', 'b: text', 'c: text', 'd: text', 'e: text'])
})

t.test('a type that is not said is told by the values allowed', async t => {
  t.strictSame(shapeOf({ a: { enum: ['x', 'y', null] }, b: { enum: [1, 2] }, c: { enum: [1, 2.5] }, d: { const: true }, e: { properties: { x: { type: 'string' } } }, f: { items: {} } }),
    ['a: string', 'b: integer', 'c: number', 'd: boolean', 'e.x: string', 'f: text'])
})

t.test('an integer that no column for integers takes is a number, where values tell the type', async t => {
  t.strictSame(shapeOf({ a: { enum: [0, -1e300] }, b: { const: 2 ** 63 }, c: { enum: [2 ** 62, 1] } }), ['a: number', 'b: number', 'c: integer'])
})

t.test('nested objects are flattened; free ones stay whole', async t => {
  t.strictSame(shapeOf({
    page: { type: 'object', properties: { id: { type: 'integer' }, user: { type: ['object', 'null'], properties: { name: { type: 'string' } } } } },
    free: { type: 'object' }, empty: { type: 'object', properties: {} }, map: { type: 'object', additionalProperties: { type: 'string' } }
  }), ['page.id: integer', 'page.user.name: string', 'free: text', 'empty: text', 'map: text'])
})

t.test('references and extended schemas are followed', async t => {
  t.strictSame(shapeOf({
    a: { $ref: '#/definitions/wiki%20page' }, b: { allOf: [{ $ref: '#/definitions/id' }], minimum: 1 },
    c: { type: 'object', properties: { own: { type: 'string' } }, allOf: [{ properties: { theirs: { type: 'integer' } } }] }, d: { $ref: 'https://example.org/x' }, e: { $ref: '#/definitions/none' }
  }, { definitions: { id: { type: 'integer' }, 'wiki page': { type: 'object', properties: { 'a/b': { $ref: '#/definitions/id' } } } } }),
  ['a.a/b: integer', 'b: integer', 'c.own: string', 'c.theirs: integer', 'd: text', 'e: text'])
})

t.test('an object that contains itself stays whole, at the point where it comes again', async t => {
  const node = { type: 'object', properties: { value: { type: 'string' }, next: { $ref: '#/definitions/node' } } }

  t.strictSame(shapeOf({ list: { $ref: '#/definitions/node' }, all: { $ref: '#' } }, { definitions: { node } }), ['list.value: string', 'list.next: text', 'all: text'])
})

t.test('what is nested very deep stays whole', async t => {
  let schema: Record<string, unknown> = { type: 'string' }
  for (let depth = 0; depth < 1000; depth++) schema = { type: 'object', properties: { x: schema } }

  t.strictSame(fieldsOf(schema).map(({ path, kind }) => ({ depth: path.length, kind })), [{ depth: 20, kind: 'text' }])
})

t.test('descriptions and length limits are kept', async t => {
  t.match(fieldsOf({ properties: { a: { $ref: '#/definitions/a', description: 'mine' } }, definitions: { a: { type: 'string', maxLength: 5, description: 'theirs' } } }),
    [{ path: ['a'], maxLength: 5, description: 'mine' }])
})

t.test('an event without declared fields is one field', async t => {
  t.match(fieldsOf({}), [{ path: [], kind: 'text' }])
  t.match(fieldsOf({ type: 'object', properties: {} }), [{ path: [], kind: 'text' }])
})

t.test('more fields than a table can have refuse the schema, also when references multiply them', async t => {
  const definitions: Record<string, unknown> = { l0: { type: 'string' } }
  for (let level = 1; level <= 15; level++) definitions[`l${level}`] = { type: 'object', properties: { a: { $ref: `#/definitions/l${level - 1}` }, b: { $ref: `#/definitions/l${level - 1}` } } }

  t.throws(() => fieldsOf({ properties: { top: { $ref: '#/definitions/l15' } }, definitions }), RecordError)
})

t.test('names that every object inherits are fields like others', async t => {
  const properties = JSON.parse('{"__proto__":{"type":"integer"},"constructor":{"type":"string"},"toString":{"type":"boolean"}}') as Record<string, unknown>

  t.strictSame(shapeOf(properties), ['__proto__: integer', 'constructor: string', 'toString: boolean'])
})
