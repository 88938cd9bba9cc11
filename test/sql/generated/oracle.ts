import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { parseJson, stringifyJson } from '../../../lib/event/json.js'
import type { JsonSchema } from '../../../lib/event/schemas.js'

/*
 * What docs/analysts.md promises, written down a second time, from the owner's document instead of its modern form, and
 * without anything of lib/sql.
 */

/** A field that has a column of its own. */
export interface Field {
  readonly path: readonly string[]
  readonly kind: 'boolean' | 'integer' | 'number' | 'string' | 'date-time' | 'uuid' | 'json'
  readonly maxLength: number
}

/** Fields in the order of the document; objects with properties are looked into. */
export function fieldsOf (schema: JsonSchema, path: readonly string[] = []): Field[] {
  const { properties, format, maxLength } = schema
  const types = typesOf(schema)
  if (isObject(properties) && Object.keys(properties).length > 0 && types.length === 1 && types[0] === 'object') {
    return Object.entries(properties).flatMap(([key, property]) => fieldsOf(property as JsonSchema, [...path, key]))
  }
  const field = { path, maxLength: typeof maxLength === 'number' ? maxLength : 0 }
  const [type = 'any', ...others] = types
  if (others.length > 0) return [{ ...field, kind: 'json' }]
  switch (type) {
    case 'boolean': case 'integer': case 'number': return [{ ...field, kind: type }]
    case 'string': return [{ ...field, kind: format === 'date-time' ? format : format === 'uuid5-hex' ? 'uuid' : type }]
    default: return [{ ...field, kind: 'json' }]
  }
}

/** Without null; an integer is a number where both may be. */
function typesOf ({ type, enum: choice, properties, items }: JsonSchema): unknown[] {
  const said = type !== undefined
    ? [type].flat()
    : Array.isArray(choice)
      ? choice.map(typeOf)
      : isObject(properties) ? ['object'] : items !== undefined ? ['array'] : ['any']
  const types = new Set(said.filter(type => type !== 'null'))
  if (types.has('number')) types.delete('integer')
  return types.has('any') ? ['any'] : [...types]
}

function typeOf (value: unknown): string {
  if (value === null) return 'null'
  return typeof value === 'number' ? Number.isInteger(value) && Math.abs(value) < 2 ** 63 ? 'integer' : 'number' : typeof value
}

export function tableOf (schema: string, revision: number): string {
  const plain = schema.replace(/[^A-Za-z0-9_]/g, '_').replace(/^sqlite_/i, '_$&')
  const end = `_${revision}`
  if (plain.length + end.length <= 64) return plain + end
  const digest = createHash('sha1').update(schema).digest('hex').slice(0, 8)
  return `${plain.slice(0, 64 - 9 - end.length)}_${digest}${end}`
}

/** The columns of the fields, whose paths begin at the top of the event as it travels. */
export function columnsOf (fields: readonly Field[], taken: readonly string[]): string[] {
  const plain = fields.map(({ path }) => path.join('_').replace(/[^A-Za-z0-9_]/g, '_') || '_')
  const folded = [...plain, ...taken, ...keptByInnodb].map(name => name.toLowerCase())
  return plain.map((name, at) => {
    const others = folded.filter(other => other === name.toLowerCase()).length - 1
    if (name.length <= 64 && others === 0) return name
    const digest = createHash('sha1').update(JSON.stringify(fields[at]?.path)).digest('hex').slice(0, 8)
    return `${name.slice(0, 55)}_${digest}`
  })
}

const keptByInnodb = ['primary', 'gen_clust_index', 'db_row_id', 'db_trx_id', 'db_roll_ptr', 'fts_doc_id']

export interface DeclaredColumn {
  readonly name: string
  /** As the database tells it, in lower case: `varchar(1024)`. */
  readonly type: string
}

/** What is wrong with a column for a field; null if nothing. */
export function wrongColumn ({ kind, maxLength }: Field, { type }: DeclaredColumn): string | null {
  const allowed: Record<Field['kind'], RegExp> = {
    boolean: /^tinyint/,
    integer: /^bigint/,
    number: /^double$/,
    // wide tables have no room for all strings in their rows
    string: maxLength > 1024 ? /text$/ : /^varchar\(1024\)$|text$/,
    'date-time': /^datetime$/,
    uuid: /^char\(32\)$|^varchar\(32\)$|text$/,
    json: /text$/
  }
  return allowed[kind].test(type) ? null : `a column of type ${type} for ${kind}`
}

/** What is wrong with what a column of a type has for a value of an event; null if nothing. */
export function wrongValue ({ kind }: Field, type: string, value: unknown, stored: unknown): string | null {
  const is = (expected: unknown): string | null =>
    isDeepStrictEqual(stored, expected) ? null : `${stringifyJson(stored)} instead of ${stringifyJson(expected)}`
  if (value === null || value === undefined) return is(null)
  switch (kind) {
    case 'boolean': return is(value === true ? 1 : 0)
    case 'integer': return isDeepStrictEqual(String(stored), String(value)) ? null : `${String(stored)} instead of ${String(value)}`
    case 'number': return is(Number(value))
    case 'date-time': return is(inUtc(String(value)))
    case 'uuid': return is(value)
    case 'string': return is(cut(wellFormed(String(value)), type))
    case 'json': {
      if (typeof value === 'string') return is(wellFormed(value))
      return typeof stored === 'string' && isDeepStrictEqual(parseJson(stored), parseJson(stringifyJson(value))) ? null : is(stringifyJson(value))
    }
  }
}

/** Text with halves of surrogate pairs has no UTF-8. */
function wellFormed (text: string): string {
  return Buffer.from(text).toString()
}

function cut (text: string, type: string): string {
  const [, characters] = /\((\d+)\)/.exec(type) ?? []
  return characters === undefined ? text : [...text].slice(0, Number(characters)).join('')
}

/** By way of the engine's own reading of ISO 8601, which is stricter than RFC 3339. */
function inUtc (text: string): string {
  const isLeap = text.slice(17, 19) === '60'
  const time = `${text.slice(0, 10)}T${text.slice(11, 17)}${isLeap ? '59' : text.slice(17, 19)}`
  const zone = text.slice(19).replace(/^\.\d+/, '').toUpperCase().replace(/^([+-]\d\d):?(\d\d)$/, '$1:$2')
  const ms = Date.parse(time + (zone === '' ? 'Z' : zone)) + (isLeap ? 1000 : 0)
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}

/** The value at a path, as the event's own. */
export function valueAt (event: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined, event)
}

function isObject (value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
