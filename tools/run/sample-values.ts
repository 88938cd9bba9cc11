import type { JsonSchema } from '../../lib/event/schemas.js'

const words = ['amber', 'birch', 'cedar', 'delta', 'ember', 'fjord', 'grove', 'heath']
/** Strings that look like what the field stands for, by its name. */
const lookalikes: ReadonlyArray<readonly [name: RegExp, make: () => string]> = [
  [/country/i, () => oneOf(['DE', 'FR', 'IN', 'US'])],
  [/version/i, () => `1.${oneOf([41, 42, 43])}.0`],
  [/^action$/i, () => oneOf(['view', 'edit', 'history'])],
  [/token|session|hash|id$/i, () => hex(16)],
  [/url|uri|href|path/i, () => `/wiki/${oneOf(words)}`]
]
/** Of a field that may be left out, how often it is sent. */
const optionalShare = 0.8

export function oneOf <T> (values: readonly T[]): T {
  return values[Math.floor(Math.random() * values.length)] as T
}

/**
 * A value that a schema allows, as far as its keywords are known here; whoever needs to be sure validates it. `name` is the
 * field's, for values that look like what they stand for.
 */
export function sampleOf (schema: JsonSchema, name = ''): unknown {
  if ('const' in schema) return schema['const']
  if (Array.isArray(schema['enum'])) return oneOf(schema['enum'])
  const alternatives = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(alternatives)) return sampleOf(oneOf(alternatives as JsonSchema[]), name)
  const type = Array.isArray(schema['type']) ? oneOf(schema['type'].filter(type => type !== 'null')) : schema['type']
  switch (type) {
    case 'object': return objectOf(schema)
    case 'array': return arrayOf(schema, name)
    case 'boolean': return Math.random() < 0.5
    case 'integer': return integerOf(schema)
    case 'number': return integerOf(schema) + Math.round(Math.random() * 100) / 100
    case 'null': return null
    default: return stringOf(schema, name)
  }
}

/** The fields that a schema of an object lists. */
export function fieldsOf (schema: JsonSchema): ReadonlyArray<readonly [name: string, schema: JsonSchema, required: boolean]> {
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : [])
  return Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>).map(([name, field]) => [name, field, required.has(name)])
}

function objectOf (schema: JsonSchema): Record<string, unknown> {
  const sent = fieldsOf(schema).filter(([,, required]) => required || Math.random() < optionalShare)
  const values = sent.map(([name, field, required]) => ({ name, field, required, value: sampleOf(field, name) }))
  return Object.fromEntries(values.filter(({ required, ...sample }) => required || fits(sample)).map(({ name, value }) => [name, value]))
}

/** Whether a value has the form that is asked for: it is not made from it. */
function fits ({ field, value }: { field: JsonSchema, value: unknown }): boolean {
  return typeof field['pattern'] !== 'string' || new RegExp(field['pattern'], 'u').test(String(value))
}

function arrayOf (schema: JsonSchema, name: string): unknown[] {
  const length = limit(schema['minItems'], 1)
  return Array.from({ length }, () => sampleOf((schema['items'] ?? {}) as JsonSchema, name))
}

/** Small ones more often, as times and counts are. */
function integerOf (schema: JsonSchema): number {
  const least = Math.ceil(limit(schema['minimum'], 0))
  const most = Math.min(Math.floor(limit(schema['maximum'], least + 9000)), least + 9000)
  return least + Math.floor((most - least + 1) * Math.random() ** 3)
}

function stringOf (schema: JsonSchema, name: string): string {
  switch (schema['format']) {
    case 'date-time': return new Date().toISOString()
    case 'uri': return `https://demo.example.org/${oneOf(words)}`
    case 'uuid5-hex': return hex(32)
  }
  const text = lookalikes.find(([pattern]) => pattern.test(name))?.[1]() ?? oneOf(words)
  return text.padEnd(limit(schema['minLength'], 0), 'x').slice(0, limit(schema['maxLength'], 200))
}

function hex (digits: number): string {
  return Array.from({ length: digits }, () => Math.floor(Math.random() * 16).toString(16)).join('')
}

function limit (keyword: unknown, otherwise: number): number {
  return typeof keyword === 'number' ? keyword : otherwise
}
