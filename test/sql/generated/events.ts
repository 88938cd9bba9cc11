import fc from 'fast-check'
import { parseJson } from '../../../lib/event/json.js'
import type { JsonSchema } from '../../../lib/event/schemas.js'

const largest = 2n ** 63n

/** Integers as `parseJson` gives them: numbers, and bigints where a number would lose digits. */
const integer = fc.oneof(
  fc.integer(),
  fc.constantFrom(0n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, largest - 1n, -largest, largest - 2n),
  fc.bigInt({ min: -largest, max: largest - 1n })
).map(integer => parseJson(String(integer)))

/** Databases differ in what they make of the smallest numbers, and of -0: docs/analysts.md. */
const double = fc.double({ noNaN: true, noDefaultInfinity: true }).map(number => Math.abs(number) < 2.3e-308 ? 0 : number)
const number = fc.oneof(double, fc.constantFrom(1.7976931348623157e308, 2.2250738585072014e-308, 0.1, 1e21, 1e-7, 5e-300), integer)

const special = fc.constantFrom('', ' ', ' padded ', '\0', '\\', "'", '"', 'NULL', '\\N', '\t\n\r\x1a', '\ud800', 'a\udc00b', '😀', 'ffi', '{"a":1}', '12', '%s?', 'é'.normalize('NFD'))
const short = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 20 }), special)
const text = fc.oneof(
  { weight: 8, arbitrary: short },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('é', '😀', 'x', '日', 'a😀'), fc.integer({ min: 500, max: 6000 })).map(([unit, length]) => unit.repeat(length).slice(0, length)) }
)

const zone = fc.oneof(fc.constantFrom('Z', 'z', '', '+00:00', '-00:00', '+14:00', '-12:00', '+0530', '-23:59'))
/** In any zone, with fractions and leap seconds; the years keep away from the ends of what databases take. */
const dateTime = fc.tuple(fc.date({ min: new Date('0001-01-03'), max: new Date('9999-12-29'), noInvalidDate: true }), fc.constantFrom('T', 't', ' '), fc.constantFrom('', '.5', '.999999999'), zone, fc.integer({ min: 0, max: 20 }))
  .map(([date, separator, fraction, zone, leap]) => {
    const iso = date.toISOString()
    return `${iso.slice(0, 10)}${separator}${iso.slice(11, 17)}${leap === 0 ? '60' : iso.slice(17, 19)}${fraction}${zone}`
  })

// shrinking would make them all the same, and they are unique
const uuid = fc.noShrink(fc.uuid().map(uuid => uuid.replaceAll('-', '')))

const anything = fc.oneof(
  { weight: 3, arbitrary: fc.oneof(text, integer, double, fc.boolean(), fc.constant(null)) },
  { weight: 1, arbitrary: fc.array(fc.oneof(short, integer), { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.dictionary(short, fc.oneof(short, integer, double, fc.constant([{}])), { maxKeys: 3 }) }
)

/** Values that a schema allows, of the keywords that these tests and the real schemas use. */
export function valuesOf (schema: JsonSchema): fc.Arbitrary<unknown> {
  const { enum: choice, properties, format } = schema
  if (Array.isArray(choice)) return fc.constantFrom<unknown>(...choice as unknown[])
  if (format === 'date-time' && schema['type'] === 'string') return dateTime
  if (format === 'uuid5-hex') return uuid
  const types = typesOf(schema)
  if (types.includes('any')) return isObject(properties) ? fc.oneof(objectOf(schema, properties), text) : anything
  return fc.oneof(...types.map(type => valuesOfType(type, schema)))
}

function typesOf ({ type }: JsonSchema): unknown[] {
  return Array.isArray(type) ? type as unknown[] : [type ?? 'any']
}

function valuesOfType (type: unknown, schema: JsonSchema): fc.Arbitrary<unknown> {
  switch (type) {
    case 'boolean': return fc.boolean()
    case 'integer': return integer
    case 'number': return number
    case 'string': return schema['format'] === 'date-time' ? dateTime : stringsOf(schema['maxLength'])
    case 'null': return fc.constant(null)
    case 'any': return anything
    case 'array': return fc.array(isObject(schema['items']) ? valuesOf(schema['items']) : anything, { maxLength: 4 })
    case 'object': return objectOf(schema, isObject(schema['properties']) ? schema['properties'] : {})
    default: throw new Error(`the test cannot make values of type ${JSON.stringify(type)}`)
  }
}

function stringsOf (maxLength: unknown): fc.Arbitrary<string> {
  if (typeof maxLength !== 'number') return text
  const atLimit = fc.constantFrom('é', '😀', 'x').map(unit => unit.repeat(maxLength))
  return fc.oneof({ weight: 3, arbitrary: text.map(text => [...text].slice(0, maxLength).join('')) }, { weight: 1, arbitrary: atLimit })
}

/** Fields that must be, some of those that may, and now and then one that nobody declared. */
function objectOf (schema: JsonSchema, properties: JsonSchema): fc.Arbitrary<object> {
  const entries = Object.entries(properties).map(([key, value]) => {
    const property = value as JsonSchema
    const values = valuesOf(property).map((value): [string, unknown] => [key, value])
    return property['required'] === true ? values : fc.option(values)
  })
  const rest = schema['additionalProperties'] ?? true
  const others = rest === false
    ? fc.constant([])
    : fc.array(fc.tuple(short.filter(key => !Object.hasOwn(properties, key)), isObject(rest) ? valuesOf(rest) : anything), { maxLength: entries.length === 0 ? 3 : 1 })
  return fc.tuple(fc.tuple(...entries), others).map(([own, others]) => Object.fromEntries([...own.filter(entry => entry !== null), ...others]))
}

/** Whole events: at the top there is nothing that is not declared. */
export function eventsOf (document: JsonSchema): fc.Arbitrary<object> {
  return objectOf({ ...document, additionalProperties: false }, document['properties'] as JsonSchema)
}

function isObject (value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
