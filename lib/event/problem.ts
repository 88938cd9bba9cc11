import type { ErrorObject } from 'ajv'
import { describeFormat } from './formats.js'
import type { JsonSchema, Problem } from './schemas.js'
import { escapePointer, isObject } from './subschemas.js'

/** Longest parts of a problem, in characters: what came is as long as its sender likes. */
const limits = { pointer: 200, expected: 300, seen: 100 } as const

/** Where in the whole event a schema applies, and what messages call it. */
export interface About {
  readonly pointer: '' | '/event'
  /** `TestSchema/42`. */
  readonly label: string
}

/** The first thing found wrong, in words for the sender. `errors` are ajv's, made with `verbose`; there is at least one. */
export function problemOf (errors: readonly ErrorObject[], about: About): Problem {
  const last = errors.at(-1)
  // of an alternative that was chosen by `if`, what is wrong in it
  const error = last?.keyword === 'if' && errors.length > 1 ? errors.at(-2) : last
  if (error === undefined) throw new TypeError('no error to make a problem of')
  const { instancePath, params } = error
  const parent = isObject(error.parentSchema) ? error.parentSchema : {}
  switch (error.keyword) {
    case 'required':
    case 'dependencies':
    case 'dependentRequired':
      return missing(`${instancePath}/${escapePointer(String(params['missingProperty']))}`, fieldOf(parent, params['missingProperty']), params['property'])
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return unknownField(error, String(params['additionalProperty'] ?? params['unevaluatedProperty']), parent, about)
    default:
      return unexpected(instancePath, expectedBy(error.keyword, error.schema, parent), error.data)
  }
}

/** Keywords that sum up what is wrong with the schemas in them. */
const summing: readonly string[] = ['anyOf', 'oneOf', 'not', 'contains', 'propertyNames']
/** An array of a thousand strings where numbers should be says the same a thousand times. */
const mostErrors = 1000

/** All that was found wrong, in the order of the schema; of alternatives, that none of them fits. `errors` are as `problemOf` has them, of all keywords. */
export function problemsOf (errors: readonly ErrorObject[], about: About): Problem[] {
  const considered = errors.slice(0, mostErrors)
  const sums = considered.flatMap((error, at) => summing.includes(error.keyword) ? [{ error, at }] : [])
  const told = considered.filter((error, at) => error.keyword !== 'if' && !sums.some(sum => sum.at > at && isSummedUp(error, sum.error)))
  return (told.length === 0 ? considered : told).map(error => problemOf([error], about))
}

function isSummedUp (error: ErrorObject, sum: ErrorObject): boolean {
  return error.instancePath === sum.instancePath || error.schemaPath.startsWith(`${sum.schemaPath}/`)
}

/** A problem with the event as a whole. */
export function wholeProblem (expected: string, seen: string): Problem {
  return { pointer: '', expected, seen, message: `the event: expected ${expected}; got ${seen}` }
}

function unexpected (path: string, expected: string, value: unknown): Problem {
  const pointer = cut(path, limits.pointer)
  const seen = toJson(value)
  return { pointer, expected, seen, message: `${pointer === '' ? 'the event' : pointer}: expected ${expected}; got ${seen}` }
}

function missing (path: string, field: JsonSchema, because: unknown): Problem {
  const pointer = cut(path, limits.pointer)
  const condition = typeof because === 'string' ? ` beside ${toJson(because)}` : ''
  return { pointer, expected: describeSchema(field), seen: 'nothing', message: `${pointer}: required${condition}, but missing` }
}

function unknownField ({ instancePath, data }: ErrorObject, name: string, parent: JsonSchema, about: About): Problem {
  const pointer = cut(`${instancePath}/${escapePointer(name)}`, limits.pointer)
  const fields = isObject(parent['properties']) ? Object.keys(parent['properties']) : []
  const known = fields.length === 0 ? '' : `; it has: ${list(fields, limits.expected)}`
  const owner = instancePath === about.pointer ? about.label : instancePath === '' ? 'the capsule' : cut(instancePath, limits.pointer)
  return {
    pointer,
    expected: fields.length === 0 ? 'no such field' : `one of the fields ${list(fields, limits.expected)}`,
    seen: toJson(isObject(data) ? data[name] : undefined),
    message: `${pointer}: not a field of ${owner}${known}`
  }
}

function fieldOf (schema: JsonSchema, name: unknown): JsonSchema {
  const { properties } = schema
  const field = isObject(properties) && typeof name === 'string' && Object.hasOwn(properties, name) ? properties[name] : undefined
  return isObject(field) ? field : {}
}

type Words = (operand: unknown, parent: JsonSchema) => string

const words: Readonly<Record<string, Words>> = {
  type: operand => [operand].flat().map(name => typeNames[String(name)] ?? String(name)).join(' or '),
  enum: operand => `one of ${list((operand as unknown[]).map(toJson), limits.expected)}`,
  const: operand => toJson(operand),
  format: operand => describeFormat(operand) ?? `the format ${String(operand)}`,
  pattern: operand => `a string that matches ${cut(String(operand), limits.seen)}`,
  minimum: operand => `at least ${String(operand)}`,
  maximum: operand => `at most ${String(operand)}`,
  exclusiveMinimum: operand => `more than ${String(operand)}`,
  exclusiveMaximum: operand => `less than ${String(operand)}`,
  multipleOf: operand => `a multiple of ${String(operand)}`,
  minLength: operand => `at least ${count(operand, 'character')}`,
  maxLength: operand => `at most ${count(operand, 'character')}`,
  minItems: operand => `at least ${count(operand, 'item')}`,
  maxItems: operand => `at most ${count(operand, 'item')}`,
  additionalItems: (_operand, { items }) => Array.isArray(items) ? `at most ${count(items.length, 'item')}` : 'fewer items',
  items: (_operand, { prefixItems }) => Array.isArray(prefixItems) ? `at most ${count(prefixItems.length, 'item')}` : 'no items',
  uniqueItems: () => 'no item twice',
  minProperties: operand => `at least ${count(operand, 'field')}`,
  maxProperties: operand => `at most ${count(operand, 'field')}`,
  contains: operand => `an item that is ${describe(operand)}`,
  not: operand => `anything but ${describe(operand)}`,
  anyOf: operand => alternatives(operand),
  oneOf: operand => `exactly one of: ${alternatives(operand)}`,
  propertyNames: operand => `only field names that are ${describe(operand)}`
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  integer: 'an integer',
  boolean: 'true or false',
  object: 'an object',
  array: 'an array',
  null: 'null'
}

function expectedBy (keyword: string, operand: unknown, parent: JsonSchema): string {
  return cut(words[keyword]?.(operand, parent) ?? 'nothing here', limits.expected)
}

/** A schema in a few words: the keyword that says most. */
function describeSchema (schema: JsonSchema): string {
  for (const keyword of ['const', 'enum', 'format', 'type', 'anyOf', 'oneOf', 'pattern']) {
    const operand = schema[keyword]
    if (operand !== undefined && (keyword !== 'format' || describeFormat(operand) !== undefined)) return expectedBy(keyword, operand, schema)
  }
  return 'a value'
}

function describe (schema: unknown): string {
  return isObject(schema) ? describeSchema(schema) : 'a value'
}

function alternatives (schemas: unknown): string {
  return Array.isArray(schemas) ? [...new Set(schemas.map(describe))].join(', or ') : 'a value'
}

function count (operand: unknown, what: string): string {
  return `${String(operand)} ${what}${operand === 1 ? '' : 's'}`
}

/** `a, b, c (and 12 more)`. */
function list (items: readonly string[], limit: number): string {
  let text = ''
  for (const [index, item] of items.entries()) {
    const longer = index === 0 ? cut(item, limit) : `${text}, ${item}`
    if (longer.length > limit) return `${text} (and ${items.length - index} more)`
    text = longer
  }
  return text
}

function toJson (value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'number' && !Number.isFinite(value)) return 'a number beyond 1.8e308'
  // no work for what is cut off
  if (typeof value === 'string') return cut(JSON.stringify(value.slice(0, limits.seen)), limits.seen, value.length > limits.seen)
  return cut(JSON.stringify(value), limits.seen)
}

function cut (text: string, limit: number, more = false): string {
  if (text.length <= limit && !more) return text
  // never half of a surrogate pair
  const end = text.charCodeAt(limit - 1) >= 0xd800 && text.charCodeAt(limit - 1) < 0xdc00 ? limit - 1 : limit
  return `${text.slice(0, end)}…`
}
