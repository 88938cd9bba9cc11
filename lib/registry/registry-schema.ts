/** Addresses are handed to a mail program: one address, nothing that could be two or a header. */
const address = { type: 'string', pattern: '^[^\\s<>,;:"\']+@[^\\s<>,;:"\']+$', maxLength: 254, description: 'one address, as ops@example.org' } as const
const webUrl = { type: 'string', pattern: '^https?://[^\\s/]\\S*$', description: 'a URL, as http://127.0.0.1:8080' } as const
const url = { type: 'string', pattern: '^(https?|file)://\\S+$', description: 'a URL, as https://docs.example.org or file:///usr/share/doc' } as const

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

/** What a registry may hold; a JSON Schema (draft-07). Descriptions complete "give …" where a pattern is not met. */
export const registrySchema = {
  type: 'object',
  properties: {
    operators: { type: 'array', items: address },
    mail: {
      type: 'object',
      properties: {
        from: address,
        via: { type: 'string', pattern: '^(/|smtps?://)\\S+$', description: 'the path of a sendmail program, smtp://host:port or smtps://user:password@host' }
      },
      additionalProperties: false
    },
    graphite: webUrl,
    'graphite-link': webUrl,
    documentation: url,
    thresholds,
    schemas: {
      type: 'object',
      propertyNames: { pattern: '^[A-Za-z0-9_./-]{1,63}$', description: 'the name of a schema: letters, digits and _ . / -, at most 63' },
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
