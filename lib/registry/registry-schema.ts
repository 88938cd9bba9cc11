/** Addresses are handed to a mail program: one address, nothing that could be two or a header. */
const address = { type: 'string', pattern: '^[^\\s<>,;:"\']+@[^\\s<>,;:"\']+$', maxLength: 254 } as const
const url = { type: 'string', pattern: '^(https?|file)://\\S+$' } as const

function limits (most?: number): object {
  const number = { type: 'number', minimum: 0, ...(most === undefined ? {} : { maximum: most }) }
  return {
    type: 'object',
    properties: { warning: number, critical: number },
    required: ['warning', 'critical'],
    additionalProperties: false
  }
}

const thresholds = {
  type: 'object',
  properties: { over: limits(), under: limits(), invalid: limits(1) },
  additionalProperties: false
} as const

/** What a registry may hold; a JSON Schema (draft-07). */
export const registrySchema = {
  type: 'object',
  properties: {
    operators: { type: 'array', items: address },
    mail: {
      type: 'object',
      properties: {
        from: address,
        via: { type: 'string', pattern: '^(/|smtps?://)\\S+$' }
      },
      additionalProperties: false
    },
    graphite: url,
    'graphite-link': url,
    documentation: url,
    thresholds,
    schemas: {
      type: 'object',
      propertyNames: { pattern: '^[A-Za-z0-9_./-]{1,63}$' },
      additionalProperties: {
        type: ['object', 'null'],
        properties: {
          owners: { type: 'array', items: address },
          thresholds
        },
        additionalProperties: false
      }
    }
  },
  additionalProperties: false
} as const
