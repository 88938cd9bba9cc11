import { parseDocument, stringify } from 'yaml'
import { ConfigError } from '../../../lib/errors.js'
import { parseSchema } from '../../../lib/event/schema-files.js'
import type { JsonSchema } from '../../../lib/event/schemas.js'
import { isObject } from '../../../lib/event/subschemas.js'
import { toBeWritten } from '../lint/rules.js'
import type { NewField } from './field.js'

/** Wide enough for most descriptions. */
const lineWidth = 120

/** A first revision, as the shipped ones are written. */
export function firstRevision (name: string, fields: readonly NewField[]): string {
  const shown = fields.length > 0 ? fields : [example]
  const body = {
    description: `${toBeWritten}: when an event is sent, by whom, and whether of all or of a sample.`,
    type: 'object',
    properties: Object.fromEntries(shown.map(field => [field.name, field.schema]))
  }
  return [
    `# What ${name} says of something that happened. Fields that are not listed here are refused. A revision that is published does`,
    `# not change any more: for another field, or another value, "vanadium schema new ${name}" begins the next one.`,
    stringify(body, { lineWidth })
  ].join('\n')
}

const example: NewField = {
  name: 'action',
  schema: { type: 'string', enum: ['shown', 'clicked'], required: true, description: `${toBeWritten}: what happened.` }
}

/** The next revision: a copy, with these fields besides. Throws `ConfigError` for a field that it has already. */
export function nextRevision (text: string, definition: JsonSchema, fields: readonly NewField[]): string {
  const properties = isObject(definition['properties']) ? definition['properties'] : {}
  const there = fields.find(({ name }) => Object.hasOwn(properties, name))
  if (there !== undefined) throw new ConfigError('bad-option', `--fields ${there.name}: the revision before has it; change it in the file`)
  const added = fields.map(({ name, schema }) => [name, ofDraft(schema, definition)] as const)
  if (text.trimStart().startsWith('{')) {
    const before = parseSchema(text) as JsonSchema
    return `${JSON.stringify({ ...before, properties: { ...properties, ...Object.fromEntries(added) } }, null, 2)}\n`
  }
  if (added.length === 0) return text
  const document = parseDocument(text)
  for (const [name, schema] of added) document.setIn(['properties', name], document.createNode(schema))
  return document.toString({ lineWidth })
}

/** Later drafts do not have `required` in a field; what is added to a revision is better optional anyway. */
function ofDraft (schema: JsonSchema, { $schema }: JsonSchema): JsonSchema {
  if ($schema === undefined || String($schema).includes('draft-03')) return schema
  const { required, ...rest } = schema
  return rest
}
