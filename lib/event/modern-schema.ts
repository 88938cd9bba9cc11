import type { Ajv } from 'ajv'
import { ConfigError } from '../errors.js'
import { costKeyword } from './counted-schema.js'
import { createAjv, type Dialect } from './dialect.js'
import { translateDraft03 } from './draft03.js'
import { addUniqueItems } from './keywords.js'
import { checkReferences, createResolver, type Resolve } from './references.js'
import { checkBreadth, checkKeywords, checkSize } from './schema-limits.js'
import type { JsonSchema, Schema } from './schemas.js'
import { allSchemas, isObject, mapSchemas, subschemas, type PlacedSchema } from './subschemas.js'

/** A schema that is known to be good, ready for a validator to be made of it. */
export interface ModernSchema {
  readonly definition: JsonSchema
  readonly modern: JsonSchema
  readonly dialect: Dialect
  readonly style: Schema['style']
}

interface Draft {
  readonly dialect: Dialect
  readonly translate: (definition: JsonSchema) => JsonSchema
}

const drafts: ReadonlyMap<string, Draft> = new Map<string, Draft>([
  ['draft-03', { dialect: 'draft-07', translate: translateDraft03 }],
  ['draft-04', { dialect: 'draft-07', translate: definition => mapSchemas(definition, fromDraft04) }],
  ['draft-06', { dialect: 'draft-07', translate: definition => mapSchemas(definition, fromDraft07) }],
  ['draft-07', { dialect: 'draft-07', translate: definition => mapSchemas(definition, fromDraft07) }],
  ['draft/2019-09', { dialect: '2019-09', translate: definition => mapSchemas(definition, fromDraft2020) }],
  ['draft/2020-12', { dialect: '2020-12', translate: definition => mapSchemas(definition, fromDraft2020) }]
])

/**
 * A schema's document in the form that validators and tables are made of. Draft-03 unless its `$schema` says otherwise; unknown
 * fields at the top of an event are refused unless the schema says otherwise. Throws `ConfigError` that tells the owner what to
 * change: for what is no schema, is too large, refers to other documents, or cannot be checked in bounded time.
 */
export function readDefinition (document: unknown): ModernSchema {
  if (!isObject(document)) throw new ConfigError('bad-schema', 'a schema must be an object')
  if (!describesEvents(document)) throw new ConfigError('bad-schema', 'the schema says nothing about events; give it "properties"')
  checkSize(document)
  const { dialect, translate } = draftOf(document['$schema'])
  const modern = translate(document)
  checkSize(modern)
  checkTop(modern)
  const schemas = allSchemas(modern)
  checkKeywords(schemas)
  checkBreadth(modern)
  checkShape(modern, dialect)
  checkReferences(modern, schemas)
  const whole = closed(modern, schemas)
  const { properties } = whole
  return {
    definition: document,
    modern: whole,
    dialect,
    style: isObject(properties) && Object.hasOwn(properties, 'meta') ? 'meta' : 'capsule'
  }
}

function draftOf (uri: unknown): Draft {
  const name = typeof uri !== 'string' ? (uri === undefined ? 'draft-03' : '') : /^https?:\/\/json-schema\.org\/(.+)\/schema#?$/.exec(uri)?.[1]
  const draft = drafts.get(name ?? '')
  if (draft !== undefined) return draft
  const known = [...drafts.keys()].map(name => `http://json-schema.org/${name}/schema`)
  throw new ConfigError('bad-schema', `/$schema: ${JSON.stringify(uri).slice(0, 200)} is not known; write one of ${known.join(', ')}, or leave it out for draft-03`)
}

/** Keywords that mean something to ajv, and nothing to the drafts. */
const strangers = ['$async', '$schema', 'discriminator', 'nullable', costKeyword]
const later = ['unevaluatedItems', 'unevaluatedProperties']

/** Boolean `exclusiveMinimum` and `exclusiveMaximum`, and `id`. */
function fromDraft04 (schema: JsonSchema): JsonSchema {
  const { id, ...modern }: Record<string, unknown> = without(schema, [...strangers, ...later])
  if (typeof id === 'string') modern['$id'] = id
  for (const [bound, exclusive] of [['minimum', 'exclusiveMinimum'], ['maximum', 'exclusiveMaximum']] as const) {
    if (typeof modern[exclusive] !== 'boolean') continue
    const isExclusive = modern[exclusive] && modern[bound] !== undefined
    if (isExclusive) modern[exclusive] = modern[bound]
    delete modern[isExclusive ? bound : exclusive]
  }
  return modern
}

function fromDraft07 (schema: JsonSchema): JsonSchema {
  return without(schema, [...strangers, ...later, 'id'])
}

/** References that depend on who refers depend on nothing in a document that refers to no other. */
function fromDraft2020 (schema: JsonSchema): JsonSchema {
  const { $recursiveAnchor, $recursiveRef, $dynamicAnchor, $dynamicRef, ...modern }: Record<string, unknown> = without(schema, [...strangers, 'id'])
  if ($dynamicAnchor !== undefined) modern['$anchor'] ??= $dynamicAnchor
  const refs = [modern['$ref'], $recursiveRef, $dynamicRef].filter(ref => ref !== undefined)
  if (refs.length <= 1) return refs.length === 0 ? modern : { ...modern, $ref: refs[0] }
  return { ...without(modern, ['$ref']), allOf: [...Array.isArray(modern['allOf']) ? modern['allOf'] : [], ...refs.map($ref => ({ $ref }))] }
}

function without (schema: JsonSchema, keywords: readonly string[]): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => !keywords.includes(keyword)))
}

/** Keywords of which one must be at the top: what has none is some other document, an error message perhaps. */
const telling = ['type', 'properties', 'patternProperties', 'additionalProperties', '$ref', '$recursiveRef', '$dynamicRef', 'allOf', 'anyOf', 'oneOf', 'extends', 'if']

/** Whether a document looks like a schema of events at all. */
export function describesEvents (document: unknown): boolean {
  return isObject(document) && telling.some(keyword => Object.hasOwn(document, keyword))
}

function checkTop ({ type }: JsonSchema): void {
  if (type !== undefined && type !== 'object' && !(Array.isArray(type) && type.includes('object'))) {
    throw new ConfigError('bad-schema', `/type: events are objects; write "object", not ${JSON.stringify(type)?.slice(0, 100)}`)
  }
}

const checkers = new Map<Dialect, Ajv>()

/** Operands of the wrong type, by the meta-schema: made on first use, because that takes tens of milliseconds. */
function checkShape (modern: JsonSchema, dialect: Dialect): void {
  let checker = checkers.get(dialect)
  if (checker === undefined) {
    checkers.set(dialect, checker = createAjv(dialect, { strict: false, strictNumbers: true, validateFormats: false, logger: false }))
    addUniqueItems(checker)
  }
  if (checker.validateSchema(modern) === true) return
  const [error] = checker.errors ?? []
  const allowed: unknown = error?.params['allowedValues']
  const values = Array.isArray(allowed) ? `: ${allowed.join(', ')}` : ''
  throw new ConfigError('bad-schema', `${error?.instancePath === '' ? 'the schema' : error?.instancePath}: ${error?.message ?? 'is no JSON Schema'}${values}`)
}

/**
 * The original's rule: at the top of an event, a field that no part of the schema declares is an error. Not left to
 * `unevaluatedProperties`, which ajv gets wrong beside alternatives (its issue 2559): fields of every alternative count.
 */
function closed (modern: JsonSchema, schemas: readonly PlacedSchema[]): JsonSchema {
  if (Object.hasOwn(modern, 'additionalProperties') || Object.hasOwn(modern, 'unevaluatedProperties')) return modern
  const declared: Declared = { properties: new Map(), patterns: new Map(), open: false }
  collectDeclared(modern, true, { declared, resolve: createResolver(modern, schemas), visited: new Set() })
  if (declared.open) return modern
  const patterns = declared.patterns.size === 0 ? {} : { patternProperties: Object.fromEntries(declared.patterns) }
  return { ...modern, properties: Object.fromEntries(declared.properties), ...patterns, additionalProperties: false }
}

interface Declared {
  readonly properties: Map<string, unknown>
  readonly patterns: Map<string, unknown>
  /** A part takes any field. */
  open: boolean
}

interface Collecting {
  readonly declared: Declared
  readonly resolve: Resolve
  readonly visited: Set<JsonSchema>
}

/** Of what holds for every event its schema; of what holds for some, only that there is such a field. */
function collectDeclared (schema: JsonSchema, always: boolean, collecting: Collecting): void {
  const { declared, resolve, visited } = collecting
  if (visited.has(schema)) return
  visited.add(schema)
  for (const [keyword, fields] of [['properties', declared.properties], ['patternProperties', declared.patterns]] as const) {
    const map = schema[keyword]
    if (!isObject(map)) continue
    for (const [name, field] of Object.entries(map)) if (!fields.has(name)) fields.set(name, always ? field : {})
  }
  declared.open ||= [schema['additionalProperties'], schema['unevaluatedProperties']].some(rest => rest === true || isObject(rest))
  for (const { keyword, schema: part, inPlace } of subschemas(schema)) {
    if (inPlace && keyword !== 'not') collectDeclared(part, always && keyword === 'allOf', collecting)
  }
  const target = typeof schema['$ref'] === 'string' ? resolve(schema['$ref']) : undefined
  if (isObject(target)) collectDeclared(target, always, collecting)
}
