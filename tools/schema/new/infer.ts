import { ConfigError, RecordError } from '../../../lib/errors.js'
import { parseJson } from '../../../lib/event/json.js'
import type { JsonSchema } from '../../../lib/event/schemas.js'
import { isObject } from '../../../lib/event/subschemas.js'
import { parseDateTime } from '../../../lib/sql/times.js'
import { unwritten, type NewField } from './field.js'

/** What is nested deeper is taken as it comes. */
const deepest = 5

/**
 * Fields such that all of these events are valid, one a line: events with their capsules, or without. What each has is required. Throws
 * `ConfigError` for what is no event.
 */
export function fieldsOfEvents (option: string, text: string): NewField[] {
  const events = text.split('\n').map((line, at) => ({ line, at })).filter(({ line }) => line.trim() !== '').map(({ line, at }) => eventIn(line, `${option}, line ${at + 1}`))
  if (events.length === 0) throw new ConfigError('bad-option', `${option}: there is no event; give one a line, as JSON`)
  return Object.entries(propertiesOf(events, 0)).map(([name, schema]) => ({ name, schema }))
}

function eventIn (line: string, place: string): JsonSchema {
  let value: unknown
  try {
    value = parseJson(line)
  } catch (error) {
    if (!(error instanceof RecordError)) throw error
    throw new ConfigError('bad-option', `${place}: ${error.message}; give an event a line, as JSON`, { cause: error })
  }
  if (!isObject(value)) throw new ConfigError('bad-option', `${place}: it is no object; give an event a line, as JSON`)
  return isObject(value['event']) && 'schema' in value ? value['event'] : value
}

function propertiesOf (objects: readonly JsonSchema[], depth: number): Record<string, JsonSchema> {
  const names = [...new Set(objects.flatMap(object => Object.keys(object)))]
  return Object.fromEntries(names.map(name => {
    const having = objects.filter(object => Object.hasOwn(object, name))
    const schema = schemaOf(having.map(object => object[name]), depth)
    return [name, { ...schema, ...having.length === objects.length ? { required: true } : {}, description: unwritten }]
  }))
}

function schemaOf (values: readonly unknown[], depth: number): JsonSchema {
  const types = new Set(values.map(typeOf))
  if (types.has('number')) types.delete('integer')
  const [only = 'any', ...more] = types
  if (more.length > 0) return { type: [...types] }
  switch (only) {
    case 'string': return ofStrings(values as string[])
    case 'object': return depth === deepest ? { type: only } : { type: only, properties: propertiesOf(values as JsonSchema[], depth + 1), additionalProperties: false }
    case 'array': {
      const items = (values as unknown[][]).flat()
      return items.length === 0 || depth === deepest ? { type: only } : { type: only, items: schemaOf(items, depth + 1) }
    }
    default: return { type: only }
  }
}

function typeOf (value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'bigint') return 'integer'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function ofStrings (texts: readonly string[]): JsonSchema {
  if (texts.every(text => /^\d{4}-\d\d-\d\dT/.test(text) && parseDateTime(text) !== null)) return { type: 'string', format: 'date-time' }
  // room for others than those that are seen here
  const longest = Math.max(...texts.map(text => [...text].length))
  return { type: 'string', maxLength: [32, 64, 255, 1024].find(length => length >= 2 * longest) ?? 2 * longest }
}
