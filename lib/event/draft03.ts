import { ConfigError } from '../errors.js'
import { schemaLimits } from './schema-limits.js'
import type { JsonSchema } from './schemas.js'
import { escapePointer, isObject, lookUp } from './subschemas.js'

/** `$ref`s that may lie inside one another. */
const mostNestedRefs = 32

interface Document {
  readonly root: JsonSchema
  /** What recursive `$ref`s lead to, by its place in the document. */
  readonly recursive: Map<string, { readonly name: string, schema: JsonSchema }>
  /** Schemas of the translation so far, and the values in their lists. */
  count: number
  values: number
  /** Where each `id` is; made when the first is asked for. */
  ids: ReadonlyMap<string, string> | null
}

interface Place {
  readonly document: Document
  /** Where in the owner's document. */
  readonly pointer: string
  /** The places being translated, outermost first, each through a `$ref` in the one before. */
  readonly open: readonly string[]
}

/** What becomes of a keyword. `schema` is the one it stands in. */
type Rule = (operand: unknown, place: Place, schema: JsonSchema) => JsonSchema

/**
 * A draft-03 schema (draft-zyp-json-schema-03) as draft-07. A `$ref` into the same document is replaced by what it refers to, a
 * recursive one by a reference into `definitions`. As in the draft, keywords beside a `$ref` have no effect (but `required`
 * belongs to the property and counts), and keywords that draft-03 does not know are left out.
 *
 * Throws `ConfigError` that names the place and says what to write there. Operands that draft-07 takes unchanged are not looked at.
 */
export function translateDraft03 (root: JsonSchema): JsonSchema {
  const document: Document = { root, recursive: new Map(), count: 0, values: 0, ids: null }
  const modern = translate(root, { document, pointer: '', open: [''] })
  if (document.recursive.size === 0) return modern
  return { ...modern, definitions: Object.fromEntries([...document.recursive.values()].map(({ name, schema }) => [name, schema])) }
}

const unchanged: ReadonlySet<string> = new Set([
  'default', 'maxItems', 'maxLength', 'minItems', 'minLength', 'pattern', 'uniqueItems'
])

const annotations: ReadonlySet<string> = new Set(['description', 'format', 'title'])

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['additionalItems', (operand, place) => ({ additionalItems: translateOrBoolean(operand, place) })],
  ['additionalProperties', (operand, place) => ({ additionalProperties: translateOrBoolean(operand, place) })],
  ['dependencies', translateDependencies],
  ['disallow', (operand, place) => Array.isArray(operand) && operand.length === 0 ? {} : { not: translateType(operand, place) }],
  ['divisibleBy', (operand, place) => {
    if (typeof operand !== 'number' || !(operand > 0)) throw refusal(place, 'must be a number greater than 0')
    return { multipleOf: operand }
  }],
  ['enum', (operand, place) => {
    if (!Array.isArray(operand) || operand.length === 0) throw refusal(place, 'must be a list of at least one value')
    countValues(operand, place)
    return { enum: [...new Set(operand)] }
  }],
  ['exclusiveMaximum', requireBoolean('put it beside maximum; a number is draft-06')],
  ['exclusiveMinimum', requireBoolean('put it beside minimum; a number is draft-06')],
  ['extends', (operand, place) => {
    const bases = members(operand, place).map(([base, at]) => translate(base, at))
    return bases.length === 0 ? {} : { allOf: bases }
  }],
  ['items', translateItems],
  ['maximum', (operand, _place, schema) => ({ [schema['exclusiveMaximum'] === true ? 'exclusiveMaximum' : 'maximum']: operand })],
  ['minimum', (operand, _place, schema) => ({ [schema['exclusiveMinimum'] === true ? 'exclusiveMinimum' : 'minimum']: operand })],
  ['patternProperties', (operand, place) => ({ patternProperties: translateMap(operand, place) })],
  ['properties', translateProperties],
  ['required', requireBoolean('write it inside each required property; a list of names is draft-04')],
  ['type', translateType]
])

function translate (value: unknown, place: Place): JsonSchema {
  if (!isObject(value)) throw refusal(place, 'must be an object: a schema')
  if (++place.document.count > schemaLimits.schemas) throw refusal(place, `the schema has more than ${schemaLimits.schemas} parts, counting what $ref copies; make it smaller`)
  if (Object.hasOwn(value, '$ref')) return follow(value['$ref'], into(place, '$ref'))
  const modern: Record<string, unknown> = {}
  for (const [keyword, operand] of Object.entries(value)) {
    const rule = rules.get(keyword)
    if (rule !== undefined) Object.assign(modern, rule(operand, into(place, keyword), value))
    else if (unchanged.has(keyword) || (annotations.has(keyword) && typeof operand === 'string')) modern[keyword] = operand
  }
  return modern
}

function translateOrBoolean (value: unknown, place: Place): JsonSchema | boolean {
  return typeof value === 'boolean' ? value : translate(value, place)
}

function translateMap (map: unknown, place: Place): JsonSchema {
  if (!isObject(map)) throw refusal(place, 'must be an object: a schema for each name')
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, translate(value, into(place, name))]))
}

function translateProperties (map: unknown, place: Place): JsonSchema {
  const properties = translateMap(map, place)
  const required = Object.entries(map as JsonSchema).filter(([, field]) => isObject(field) && field['required'] === true).map(([name]) => name)
  return required.length === 0 ? { properties } : { properties, required }
}

const simpleTypes = ['any', 'array', 'boolean', 'integer', 'null', 'number', 'object', 'string']

/** `type` and, negated, `disallow`: a name, a schema, or a union of both. */
function translateType (union: unknown, place: Place): JsonSchema {
  const names = new Set<string>()
  const schemas: JsonSchema[] = []
  for (const [member, at] of members(union, place)) {
    if (typeof member !== 'string') schemas.push(translate(member, at))
    else if (simpleTypes.includes(member)) names.add(member)
    else throw refusal(at, `${JSON.stringify(member.slice(0, 40))} is no type; write one of ${simpleTypes.join(', ')}`)
  }
  if (names.has('any')) return {}
  if (names.size === 0 && schemas.length === 0) throw refusal(place, 'lists no type; leave it out to allow any')
  const named = names.size === 0 ? [] : [{ type: names.size === 1 ? [...names][0] : [...names] }]
  return schemas.length === 0 ? named[0] ?? {} : { anyOf: [...named, ...schemas] }
}

function translateItems (operand: unknown, place: Place, { additionalItems }: JsonSchema): JsonSchema {
  if (!Array.isArray(operand)) return { items: translate(operand, place) }
  // draft-07 has no tuple of nothing: all items are additional
  if (operand.length === 0) return additionalItems === undefined ? {} : { items: translateOrBoolean(additionalItems, place) }
  return { items: operand.map((item, index) => translate(item, into(place, index))) }
}

function translateDependencies (operand: unknown, place: Place): JsonSchema {
  if (!isObject(operand)) throw refusal(place, 'must be an object: for each name what it depends on')
  const dependencies = Object.entries(operand).map(([name, dependency]) => {
    countValues([dependency].flat(), place)
    if (typeof dependency === 'string') return [name, [dependency]]
    return [name, Array.isArray(dependency) ? [...new Set(dependency)] : translate(dependency, into(place, name))]
  })
  return { dependencies: Object.fromEntries(dependencies) as JsonSchema }
}

function requireBoolean (advice: string): Rule {
  return (operand, place) => {
    if (typeof operand === 'boolean') return {}
    throw refusal(place, `must be true or false: ${advice}, and needs its "$schema"`)
  }
}

function follow (ref: unknown, place: Place): JsonSchema {
  const { document, open } = place
  const target = resolve(ref, place)
  if (!open.includes(target)) {
    if (open.length > mostNestedRefs) throw refusal(place, `more than ${mostNestedRefs} $refs lie inside one another; make the schema flatter`)
    return translate(lookUp(document.root, target), { document, pointer: target, open: [...open, target] })
  }
  let definition = document.recursive.get(target)
  if (definition === undefined) {
    definition = { name: String(document.recursive.size + 1), schema: {} }
    document.recursive.set(target, definition)
    definition.schema = translate(lookUp(document.root, target), { document, pointer: target, open: [target] })
  }
  return { $ref: `#/definitions/${definition.name}` }
}

/** The place in the document that a `$ref` leads to, as a JSON pointer. */
function resolve (ref: unknown, place: Place): string {
  if (typeof ref !== 'string') throw refusal(place, 'must be a string')
  const { root } = place.document
  const own = typeof root['id'] === 'string' ? root['id'].replace(/#.*$/s, '') : ''
  const local = ref.startsWith(own) ? ref.slice(own.length) : ref
  if (local === '' || local === '#') return ''
  const target = local.startsWith('#/') ? local.slice(1) : (place.document.ids ??= idsIn(root)).get(ref)
  if (target === undefined) throw refusal(place, `${JSON.stringify(ref.slice(0, 200))} leads out of the schema; copy what it refers to into the schema`)
  if (lookUp(root, target) === undefined) throw refusal(place, `${JSON.stringify(ref.slice(0, 200))} leads to nothing in the schema`)
  return target
}

/** The places of all that has an `id`, the first of those with the same. */
function idsIn (root: JsonSchema): Map<string, string> {
  const found = new Map<string, string>()
  const visit = (value: unknown, pointer: string): void => {
    if (typeof value !== 'object' || value === null) return
    if (isObject(value) && typeof value['id'] === 'string' && !found.has(value['id'])) found.set(value['id'], pointer)
    for (const [name, inner] of Object.entries(value)) visit(inner, `${pointer}/${escapePointer(name)}`)
  }
  visit(root, '')
  return found
}

/** A schema that many refer to is translated each time: a long list in it would become as many long lists. */
function countValues (list: readonly unknown[], place: Place): void {
  place.document.values += list.length
  if (place.document.values > schemaLimits.values) throw refusal(place, `the schema has more than ${schemaLimits.values} values, counting what $ref copies; make it smaller`)
}

function members (value: unknown, place: Place): Array<[unknown, Place]> {
  if (!Array.isArray(value)) return [[value, place]]
  countValues(value, place)
  return value.map((member, index) => [member, into(place, index)])
}

function into (place: Place, name: string | number): Place {
  return { ...place, pointer: `${place.pointer}/${escapePointer(name)}` }
}

function refusal ({ pointer }: Place, what: string): ConfigError {
  return new ConfigError('bad-schema', `${pointer === '' ? 'the schema' : pointer.slice(0, 200)}: ${what}`)
}
