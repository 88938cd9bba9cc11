import type { FieldPath, Sampling, Thresholds } from './entry.js'

/** Addresses are handed to a mail program: one address, nothing that could be two or a header. */
const address = { type: 'string', pattern: '^[^\\s<>,;:"\']+@[^\\s<>,;:"\']+$', maxLength: 254, description: 'one address, as ops@example.org' } as const
const webUrl = { type: 'string', pattern: '^https?://[^\\s/]\\S*$', description: 'a URL, as http://127.0.0.1:8080' } as const
const url = { type: 'string', pattern: '^(https?|file)://\\S+$', description: 'a URL, as https://docs.example.org or file:///usr/share/doc' } as const
const line = { type: 'string', pattern: '^[^\\p{Cc}]{1,1000}$', description: 'one line of text, at most 1,000 characters' } as const
const days = { type: 'integer', minimum: 1, maximum: 36_500 } as const
const field = { type: 'string', pattern: '^[^\\s.]+(\\.[^\\s.]+)*$', maxLength: 1000, description: 'a field, as wiki or event.action' } as const
const fields = { type: 'array', items: field, maxItems: 1000, uniqueItems: true } as const
const date = { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}$', description: 'a date, as 2030-12-31' } as const

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

const owner = {
  if: { type: 'object' },
  then: { type: 'object', properties: { name: line, mail: address }, required: ['mail'], additionalProperties: false },
  else: address
} as const

const sampling = {
  type: 'object',
  properties: { rate: { type: 'number', minimum: 0, maximum: 1 }, by: field },
  required: ['rate'],
  additionalProperties: false
} as const

const anonymisation = {
  if: { type: 'object' },
  then: {
    type: 'object',
    properties: { truncate: { type: 'integer', minimum: 1, maximum: 100 }, bucket: { type: 'number', exclusiveMinimum: 0 } },
    minProperties: 1,
    maxProperties: 1,
    additionalProperties: false
  },
  else: { enum: ['hash'] }
} as const

const retention = {
  type: 'object',
  properties: {
    days,
    keep: fields,
    anonymise: { type: 'object', propertyNames: field, additionalProperties: anonymisation },
    aggregate: { type: 'object', properties: { by: fields, of: fields }, additionalProperties: false },
    reason: line,
    until: date
  },
  additionalProperties: false
} as const

/** As it is written down; what it means: `Retention`. */
export interface RetentionInFile {
  days?: number
  keep?: FieldPath[]
  anonymise?: Record<FieldPath, AnonymisationInFile>
  aggregate?: { by?: FieldPath[], of?: FieldPath[] }
  reason?: string
  until?: string
}

export type AnonymisationInFile = 'hash' | { truncate: number } | { bucket: number }

/** As it is written down; what it means: `SchemaEntry`. */
export interface EntryInFile {
  owners?: Array<string | { name?: string, mail: string }>
  team?: string
  description?: string
  thresholds?: Thresholds
  sampling?: Pick<Sampling, 'rate'> & { by?: FieldPath }
  retention?: RetentionInFile
  volume?: number
  user?: FieldPath
}

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
    retention: { type: 'object', properties: { days }, additionalProperties: false },
    schemas: {
      type: 'object',
      propertyNames: { pattern: '^[A-Za-z0-9_./-]{1,63}$', description: 'the name of a schema: letters, digits and _ . / -, at most 63' },
      additionalProperties: {
        type: ['object', 'null'],
        properties: {
          owners: { type: 'array', items: owner },
          team: line,
          description: line,
          thresholds,
          sampling,
          retention,
          volume: { type: 'number', minimum: 0 },
          user: field
        },
        additionalProperties: false
      }
    }
  },
  additionalProperties: false
} as const
