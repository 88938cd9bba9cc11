import { ConfigError } from '../../../lib/errors.js'
import type { JsonSchema } from '../../../lib/event/schemas.js'
import { toBeWritten } from '../lint/rules.js'

/** A field of a draft-03 schema, as shipped ones are written. */
export interface NewField {
  readonly name: string
  readonly schema: JsonSchema
}

const types: Readonly<Record<string, JsonSchema>> = {
  string: { type: 'string', maxLength: 255 },
  integer: { type: 'integer' },
  number: { type: 'number' },
  boolean: { type: 'boolean' },
  'date-time': { type: 'string', format: 'date-time' }
}

export const unwritten = `${toBeWritten}: what it is, in which unit.`

/** `name:type` or `name:one|other`, `:required` behind it, several by commas. Throws `ConfigError`. */
export function parseFields (option: string, text: string): NewField[] {
  const fields = text.split(',').map(part => {
    const [, name, type = '', required] = /^([^:\s]+):([^:\s]+)(:required)?$/.exec(part.trim()) ?? []
    const schema = type.includes('|') ? { type: 'string', enum: type.split('|') } : Object.hasOwn(types, type) ? types[type] : undefined
    if (name === undefined || schema === undefined || type.split('|').includes('')) {
      throw new ConfigError('bad-option', `${option} "${part.trim()}": give NAME:TYPE or NAME:TYPE:required, where TYPE is one of ${Object.keys(types).join(', ')}, or the values, as save|cancel`)
    }
    return { name, schema: { ...schema, ...required === undefined ? {} : { required: true }, description: unwritten } }
  })
  const twice = fields.find(({ name }, at) => fields.findIndex(field => field.name === name) < at)
  if (twice !== undefined) throw new ConfigError('bad-option', `${option}: ${twice.name} is there twice; name each field once`)
  return fields
}
